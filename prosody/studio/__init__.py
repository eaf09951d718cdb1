"""The pages in the browser: `prosody coach` to practise, `prosody rate` to rate."""
