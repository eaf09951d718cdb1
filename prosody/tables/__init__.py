"""Tables as people have them: cells of any spreadsheet, clips with measures or recordings."""
