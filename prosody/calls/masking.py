"""Numbers, addresses and names in a text, masked: what ``--redact`` writes of what was said.

It masks numbers (in digits, and two or more number words in a row), e-mail and street addresses,
postcodes, and names after a form of address. It errs towards masking too much; and it does not find
a name that stands alone, so that redacted text is still personal data.
"""

from __future__ import annotations

import re

NUMBER, ADDRESS, NAME = "[number]", "[address]", "[name]"


def _any(listed: str) -> str:
    return "|".join(sorted(listed.split(), key=len, reverse=True))


_DIGITS = """
nul een één twee twéé drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien
vijftien zestien zeventien achttien negentien twintig dertig veertig vijftig zestig zeventig
tachtig negentig honderd duizend zero oh one two three four five six seven eight nine ten eleven
twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty
sixty seventy eighty ninety hundred thousand double triple
"""
# Every expression here takes time in proportion to the text: a transcript is not ours. Hence
# atomic groups and possessive repeats where a text can be read in two ways ("vijftien" is also
# "vijf" and "tien"), and searches that begin where a word does.
_FIRST, _SECOND = ("".join(sorted({w[i] for w in _DIGITS.split()})) for i in (0, 1))
# Looked at first: of sixty words most end at their first two letters.
_WORD = f"(?=[{_FIRST}][{_SECOND}])(?>{_any(_DIGITS)})"
# vierentwintig, achthonderd
_NUMBER_WORD = rf"{_WORD}(?>(?:en|ën)?{_WORD})*+"
_WORDS = re.compile(
    rf"\b{_NUMBER_WORD}(?>(?>[\s,.-]|\ben\b|\band\b)++{_NUMBER_WORD})++\b", re.IGNORECASE
)
# Every word with a digit in it, with what joins such words: "NL91 ABNA 0417", "06 - 12 34".
_HAS_DIGIT = r"(?<!\S)[^\s\d]*+\d\S*+"
_NUMERIC = re.compile(rf"{_HAS_DIGIT}(?:\s+(?:(?:[A-Z]{{1,4}}|[-+/])\s+)?{_HAS_DIGIT})*")
_POSTCODE = re.compile(r"(?<!\w)\d{4}\s?[A-Za-z]{2}(?!\w)")
_MAIL = re.compile(
    r"https?://\S++|www\.\S++|(?<![^\s@<>])[^\s@<>]++@[^\s@<>.]++(?:\.[^\s@<>.]++)++"
)

# Of at most six words: from each of a million a longer run would be read again to its end.
_HOUSE = rf"(?:\d++(?:\s?[A-Za-z]\b)?+|{_NUMBER_WORD}(?:\s++{_NUMBER_WORD}){{0,5}}+)\b"
_STREET_NL = re.compile(
    r"(?<![\w'’-])[\w'’-]*(?:straat|straatweg|laan|weg|plein|gracht"
    r"|kade|singel|dijk|dreef|steeg|plantsoen|hof|markt|boulevard|pad|park)\s+(?:nummer\s+|huisnummer\s+)?"
    rf"{_HOUSE}",
    re.IGNORECASE,
)
_STREET_CAPITAL = re.compile(
    r"(?<![\w'’-])[A-Z][\w'’-]*(?:straat|straatweg|laan|plein|gracht|kade|singel|dreef|steeg|plantsoen)\b"
)
_KIND_EN = (
    r"(?:street|road|avenue|lane|drive|boulevard|court|square|terrace|crescent|close|st|rd|ave|ln|dr"
    r"|blvd)"
)
_STREET_EN = re.compile(
    rf"(?<!\w){_HOUSE}\s++(?:[\w'’-]++\s++){{1,3}}?{_KIND_EN}\b\.?", re.IGNORECASE
)
_STREET_EN_CAPITAL = re.compile(
    r"(?<![\w'’-])(?:[A-Z][\w'’-]*+\s++){1,3}(?:Street|Road|Avenue|Lane|Drive|Boulevard|Square|Terrace)\b"
)

_TITLE = (
    r"(?:mevrouw|mevr\.?|mw\.?|mejuffrouw|meneer|mijnheer|de\s+heer|dhr\.?|mrs\.?|mister|mr\.?|ms\.?"
    r"|miss|missus|madam|dr\.?|doctor|dokter)"
)
_PARTICLE = r"(?:van|von|de|den|der|het|'t|’t|ter|ten|te|la|le|el|al|bin|ben|di|da|du|st\.?|mac|mc)"
_ONE = r"[^\W\d_][\w'’-]*"
# After a form of address these go on with the sentence; any other word is taken for a name.
_GO_ON = """
ik u uw je jij we wij ze zij hij het dat dit die er en of maar want dus als dan nu nou ja nee is
was bent ben heeft hebt heb had hebben kan kunt kunnen mag wil wilt wilde zal zou zult gaat gaan
moet wat wie waar wanneer hoe waarom mijn onze ons sorry excuses excuus dank dankjewel bedankt
goedemorgen goedemiddag goedenavond hallo dag hier daar met voor op in aan om uit bij niet geen
wel ook nog al even graag momentje begrijp begrijpt hoor spijt i you your we they he she it that
this there and or but so if then now yes no is was are am has have had can could may would will
shall should must what who where when how why my our us thank thanks please good hello hi here
with for on in at to from not also just let okay ok speaking understand sounds
"""
_STOP = rf"(?!(?:{_any(_GO_ON)})\b)"
_NAMED = re.compile(
    rf"\b(?=[md])({_TITLE})(\s+)((?:(?:{_PARTICLE})\s+){{1,3}}{_STOP}{_ONE}|{_STOP}(?!{_PARTICLE}\s){_ONE})"
    rf"((?:\s+(?:(?:{_PARTICLE})\s+){{0,3}}[A-Z][\w'’-]*){{0,3}})",
    re.IGNORECASE,
)


def text(said: str) -> str:
    """Return `said` with numbers, addresses and names masked."""
    if not said:
        return said
    out = _MAIL.sub(ADDRESS, said)
    for street in (_STREET_NL, _STREET_EN):
        out = street.sub(ADDRESS, out)
    for street in (_STREET_CAPITAL, _STREET_EN_CAPITAL):
        out = street.sub(ADDRESS, out)
    out = _NAMED.sub(_name, out)
    out = _POSTCODE.sub(ADDRESS, out)
    out = _NUMERIC.sub(_number, out)
    return _WORDS.sub(NUMBER, out)


def _number(found: re.Match[str]) -> str:
    """Keep what ends the sentence after a number."""
    end = len(found[0])
    while end and not (found[0][end - 1].isalnum() or found[0][end - 1] in "_ \t\n\r"):
        end -= 1
    return NUMBER + found[0][end:]


def _name(found: re.Match[str]) -> str:
    """Keep the form of address; words after the name that begin small belong to the sentence."""
    title, gap, _, rest = found.groups()
    kept: list[str] = []
    for word in re.findall(r"\s+\S+", rest or ""):
        bare = word.strip()
        if not kept and (bare[:1].isupper() or re.fullmatch(_PARTICLE, bare, re.IGNORECASE)):
            continue
        kept.append(word)
    return f"{title}{gap}{NAME}{''.join(kept)}"
