"""Complaints and requests, what solves and what does not, as people open and close a call."""

from dataclasses import replace

import pytest

from benchmarks import conduct as benchmark
from prosody import conduct
from prosody.conduct.detectors import lexicon
from prosody.language.acts import find
from prosody.transcripts.turns import Turn

OPENINGS = {
    "en": {
        True: (
            "i want to file a written complaint about the delivery",
            "your desk never picks up the phone",
            "i'm very much disappointed in the course",
            "the lift is down again",
            "no hot water in the flat since yesterday",
            "they send me forms instead of fixing the boiler",
            "still nothing after two weeks",
            "the thermostat was fine until last week",
            "i shouldn't have to ring you about this every month",
            "i wish someone had told me the shop was shut",
            "nobody asked us and we were not informed of the move",
            "the lookup gives no results whatever i type",
            "i paid for two seats but my ticket only shows one",
            "the page is taking forty seconds to load",
            "our bill is higher than last winter",
            "the reminder stopped coming in june",
            "i was expecting it by tuesday",
            "i asked for a window seat and they gave me the aisle",
            "you sent me a green kettle but i ordered a black one",
            "the repair took longer than you promised",
            "the ticket machine just swallowed my card and then it shuts down",
            "no receipt was given",
            "invoice not received",
            "none of your people can log in on their side either",
            "i've rung four times about this",
            "that was a really poor answer",
            "there is an extra charge on the statement",
            "the confirmation mail bounces",
            "hi i can't login to my account",
            "i am not able to get into the app since this morning",
            "i can't open the book i bought yesterday",
            "my order isn't showing in my account",
            "the code you sent doesn't appear anywhere",
            "your colleague was going to ring me and i haven't heard a thing",
            "every time i try to pay it throws me out",
            "i've been trying all morning to get hold of someone",
            "the game keeps asking me for a password i never set",
            "it won't let me sign in",
            "i bought a film and it's not in my library",
            "the payment went through but i don't have the item",
            "my phone line has been crackling for a week",
            "all i get is a dead tone",
            "i still don't have a refund",
            "you took money from my account that i know nothing about",
            "the man who came out didn't fix it",
            "i was told someone would come between eight and twelve",
            "the delivery was meant to be here on tuesday",
            "i'm unable to download the invoice",
            "i have trouble getting into my mailbox",
            "the parcel came but one of the cups is in pieces",
            "nothing happens when i press the button",
            "the website says error when i pay",
            "my account got locked for no reason",
            "i keep getting someone else's bills",
            "i get cut off every time i dial that number",
            "i've lost all my progress after the update",
            "the sound has gone on my television",
            "i was overcharged last month",
            "they said it would be here by now",
            "i never received the confirmation mail",
            "the invoice is a lot higher than normal",
            "there's smoke coming from the socket you fitted",
            "i was hoping for a better answer than this",
            "i ordered a coat two weeks ago or so and i still haven't heard anything back",
            "if i open the app it freezes every time",
            "the tap's still dripping and your plumber was here last week",
            "they gave me a fine even though i had a valid ticket",
            "you've sent me two bills for the same month",
            "the appointment was called off without anyone letting me know",
            "i've been without power since this morning",
            "my benefits have stopped and no one's told me why",
            "the man on the phone was so unprofessional",
        ),
        False: (
            "the storm came through and the fence is broken",
            "i was in an accident and the bumper is dented",
            "i'd like it serviced before it gets hot",
            "is the office off on friday",
            "i never drink coffee so tea please",
            "i can't get into the portal because i forgot my code",
            "my driving licence expired so i need to change the number",
            "she was going to put me through to sales",
            "i wish it came in green",
            "i accidentally chose the wrong date",
            "the last problem was solved the same day thanks",
            "red does not go with the curtains so i'd like the grey",
            "my daughter has lost her pass",
            "i don't want to change anything i just want to ask",
            "hi i'd like to change my address please",
            "could you tell me when my contract ends",
            "i want to know how i can cancel my subscription",
            "can i move my appointment to next week",
            "i'm not able to come on tuesday so i'd like another day",
            "i can't make it on friday can we do monday",
            "i can't find my customer number right now one second",
            "i have a question about my bill",
            "i'd like to order a new card the old one is full",
            "do you sell chargers that don't get hot",
            "i haven't got my account number with me",
            "what happens if it breaks",
            "how long does it take to arrive",
            "i forgot my password",
            "i think i have the wrong department",
            "isn't there another date",
            "the new one is more than i expected it's lovely",
            "is it possible to pay in two parts",
            "i'm calling to check whether you received my form",
            "could you send me the bill again please",
            "i'm moving house and i don't need the line anymore",
            "i don't know which one to pick",
            "can you put me through to sales please",
            "i would like to make a reservation for two",
            "i've got a new phone and want to set it up",
            "does it work without a contract",
            "i need to report that i've changed banks",
            "no i don't have any other questions",
            "i haven't decided yet",
            "i was wondering if you could help me",
            "i lost my card yesterday and want to block it",
            "i don't want to receive the paper bill anymore",
            "my son starts school so he'll need a pass",
            "so it isn't included in the price",
            "is there a fee if i cancel early",
            "i'd like an alarm call at seven",
            "can you check my balance",
            "i didn't want the insurance just the ticket",
            "the old one was broken so i threw it out years ago i need a new one",
            "i've got a broken bike and i'd like to get it repaired",
            "i dropped my laptop and now the screen's cracked how much is a repair",
            "i ordered the wrong size can i swap it",
            "i'm late with my payment can i have an extension",
            "my address isn't right anymore because i've moved",
            "my old passport has expired so i'd like to apply for a new one",
            "is it normal that it takes three weeks",
            "could you check whether it's still broken",
            "somebody has broken into the house and i want to report it",
            "no i haven't got an account",
            "i want to keep getting the paper",
        ),
    },
    "nl": {
        True: (
            "volgens de site zou het er maandag zijn",
            "hoe lastig kan het zijn om terug te bellen",
            "mijn geduld is zo langzamerhand op",
            "dit is de 4e keer dat ik hierover bel",
            "de wijziging is helemaal niet doorgevoerd",
            "geen enkele claim is uitbetaald",
            "ze weigeren het te ruilen",
            "dit is geen oplossing",
            "wij krijgen de folder nooit in onze bus",
            "er is ons beloofd dat het klaar zou zijn maar het is niet klaar",
            "ik bel voor de derde keer",
            "het bedrag op de nota is incorrect",
            "u neemt mijn klacht niet serieus",
            "ik had een raamplaats gevraagd en ze hebben me aan het gangpad gezet maar niet gebeld",
            "ik kreeg een groene ketel maar ik had een zwarte besteld",
            "de reparatie duurde langer dan beloofd",
            "de automaat loopt telkens vast",
            "het voldoet gewoon niet",
            "ik zie twee incasso's voor dezelfde maand",
            "er staat een raar bedrag op de nota",
            "dat is een nummer dat niet van mij is",
            "mijn premie is ineens hoger geworden",
            "ik moet alles steeds opnieuw invullen",
            "ik zat een half uur in de wacht",
            "er is iets dat niet klopt op mijn nota",
            "ik heb het al doorgegeven en er is niets veranderd",
            "goedemorgen ik kan niet inloggen in mijn account",
            "ik kan mijn film niet openen",
            "mijn bestelling staat niet in mijn account",
            "de code verschijnt niet op mijn scherm",
            "uw collega zou mij vanochtend bellen",
            "het lukt me niet om te betalen",
            "ik krijg geen toegang tot mijn gegevens",
            "ik kom er niet in",
            "de app sluit zichzelf telkens af",
            "ik heb betaald maar ik zie het nergens terug",
            "ik heb nog niks vernomen van jullie",
            "er is iemand geweest maar het doet het nog altijd niet",
            "de verbinding valt de hele tijd weg",
            "jullie hebben geld van mijn rekening gehaald zonder dat ik iets besteld heb",
            "ik ben al de hele ochtend aan het bellen",
            "ik word steeds doorverbonden",
            "ik krijg telkens een foutmelding",
            "mijn pas werkt niet in de winkel",
            "er zat een barst in het glas toen ik het uitpakte",
            "mijn account is geblokkeerd en ik weet niet waarom",
            "ik krijg die mail met de link niet binnen",
            "de monteur zou tussen acht en tien komen",
            "ik zit al twee dagen zonder televisie",
            "de helft van mijn spullen ontbreekt",
            "het bedrag dat ik zie klopt van geen kanten",
            "ik zou mijn geld vorige week al terug hebben",
            "hij doet helemaal niks meer",
            "het boek is wel betaald maar niet gedownload",
            "er gebeurt niks als ik erop klik",
            "ik ontvang nog altijd de rekeningen van de vorige bewoner",
            "mijn puntensaldo is ineens weg",
            "ik heb er nooit om gevraagd",
            "ik heb een week of twee geleden een jas besteld en nog steeds niks gehoord",
            "ik bel als klant van jullie en nu staat mijn verwarming voor de tweede keer stil",
            "als ik de app open loopt hij meteen vast",
            "mijn kraan druppelt nog altijd en jullie loodgieter is geweest",
            "ik kreeg een boete terwijl het kaartje geldig was",
            "ik bel omdat ik mijn pakket niet heb ontvangen",
            "het gaat erom dat mijn televisie niet meer werkt",
            "jullie hebben mij twee facturen gestuurd voor dezelfde maand",
            "de afspraak is zonder iets te laten weten afgezegd",
            "de container staat hier al drie weken vol",
            "mijn bril is anders dan besproken",
            "ik moest een uur in de gang wachten",
            "het handvat is er al af gebroken",
            "sinds de reparatie trilt hij",
            "wat een slechte bediening",
            "het slot zit helemaal niet goed",
            "de lunch was vreselijk",
            "het duurde een maand in plaats van een week",
            "dat noem ik oplichterij",
        ),
        False: (
            "de schutting is kapot na de storm",
            "ik wil brandschade melden na de brand van gisteren",
            "ik snap niet hoe het formulier werkt",
            "ik kan er niet in omdat ik mijn code ben vergeten",
            "ik heb een afspraak maar weet niet meer hoe laat",
            "de badkamer moet helemaal opnieuw worden betegeld",
            "mijn hond eet niet goed wanneer kan ik komen",
            "zitten er kosten aan een tweede pas",
            "kosten de extra zegels ook iets",
            "ik kom hier al voor het tweede jaar",
            "gaan de lessen in de vakantie door",
            "onze vakantie gaat niet door dus ik wil graag annuleren",
            "is de rode ook al weken uitverkocht",
            "ze zijn nog niet weg hoop ik",
            "dan wacht ik daar wel op",
            "kan ik hem ruilen want hij is me te groot",
            "ik sta in de wacht voor een woning",
            "het lukt mij maandag niet om te komen",
            "ik heb mijn bibliotheekpas kwijtgeraakt",
            "mijn zoon is ziek geworden dus we willen een andere dag",
            "goedemiddag ik wil graag mijn adres wijzigen",
            "kunt u mij zeggen wanneer mijn contract afloopt",
            "ik zou graag weten hoe ik kan opzeggen",
            "kan ik mijn afspraak verzetten naar volgende week",
            "dinsdag kan ik niet dus ik wil graag een andere dag",
            "ik kan vrijdag niet kan het ook maandag",
            "ik kan mijn klantnummer zo gauw niet vinden",
            "ik heb een vraag over mijn factuur",
            "ik wil graag een nieuwe pas bestellen",
            "ik heb mijn klantnummer niet bij de hand",
            "wat gebeurt er als hij stuk gaat",
            "hoe lang duurt de levering",
            "ik ben mijn wachtwoord vergeten",
            "is het mogelijk om in delen te betalen",
            "ik bel om te vragen of u mijn formulier heeft ontvangen",
            "wilt u mij de rekening nog eens sturen",
            "ik ga verhuizen en heb de lijn niet meer nodig",
            "ik weet niet welke ik moet kiezen",
            "kunt u mij doorverbinden met verkoop",
            "ik wil graag reserveren voor twee personen",
            "ik heb een nieuwe telefoon en wil hem instellen",
            "werkt dat ook zonder abonnement",
            "ik wil doorgeven dat ik van bank ben veranderd",
            "nee ik heb verder geen vragen",
            "ik heb nog niet gekozen",
            "ik vroeg me af of u mij kunt helpen",
            "ik ben gisteren mijn pas verloren en wil hem laten blokkeren",
            "ik wil de papieren rekening niet meer ontvangen",
            "mijn zoon gaat naar school en heeft een kaart nodig",
            "dus dat zit niet bij de prijs in",
            "zijn er kosten als ik eerder opzeg",
            "kunt u mijn saldo nakijken",
            "ik wilde alleen het kaartje en niet de verzekering",
            "ik zou graag een monteur laten komen voor het onderhoud",
            "mijn man zou graag ook een pas krijgen",
            "ik heb een kapotte fiets en wil hem laten repareren",
            "mijn laptop is gevallen en nu is het scherm gebarsten wat kost dat",
            "ik heb de verkeerde maat besteld kan ik die ruilen",
            "ik ben te laat met mijn betaling kan ik uitstel krijgen",
            "mijn adres klopt niet meer want ik ben verhuisd",
            "is het normaal dat dat drie weken duurt",
            "ik wil weten of er vertraging is op de lijn naar gent",
            "u hoeft mij niet terug te bellen een mail is prima",
            "ik woon nog steeds op hetzelfde adres hoor",
            "ik ben al twaalf jaar klant en wil graag verlengen",
            "hoe lang duurt het meestal een week of langer",
            "wat doe ik als mijn kaart kwijt is",
            "ik weet niet zo goed wat er mis is met mijn fiets",
            "moet ik daar lang op wachten",
            "mijn telefoon is gevallen en nu zit er een barst in kunnen jullie dat maken",
            "het komt vrijdag niet uit",
            "ik kan toch niet dinsdag",
        ),
    },
}


@pytest.mark.parametrize(
    ("language", "complains", "line"),
    [(code, yes, line) for code, o in OPENINGS.items() for yes, own in o.items() for line in own],
)
def test_openings(language, complains, line):
    words = lexicon(language)
    assert bool(words.find("complaint", [words.line(line, "customer")])) is complains


@pytest.mark.parametrize(
    ("language", "detector", "line", "found"),
    [
        ("en", "understanding", "i understand so can i have your account number", False),
        ("en", "understanding", "i understand you have two books on the account", False),
        ("en", "understanding", "i understand you have been waiting a long time", True),
        ("en", "understanding", "i completely understand", True),
        ("nl", "understanding", "ik begrijp het mag ik uw klantnummer", False),
        ("nl", "understanding", "ik begrijp dat u twee boeken heeft gekocht", False),
        ("nl", "understanding", "ik begrijp dat u al lang wacht", True),
        ("en", "solution", "that can only be changed by the bank", False),
        ("en", "solution", "please log out and log in again", True),
        ("nl", "solution", "dat kan alleen worden gewijzigd door de bank", False),
        ("nl", "solution", "volg de stappen in de mail", True),
        ("en", "promise.commit", "you will soon receive an email", True),
        ("nl", "promise.commit", "u ontvangt binnenkort een mail", True),
        ("nl", "promise.commit", "een ogenblik ik zoek de gegevens", False),
    ],
)
def test_what_the_agent_says(language, detector, line, found):
    words = lexicon(language)
    assert bool(words.find(detector, [words.line(line)])) is found


def call(language, *turns):
    """Results of a call given as (role, start, end, words), no word times."""
    said = [Turn(start, end, text, role) for role, start, end, text in turns]
    return conduct.assess(said, find(said, language), language=language)


@pytest.mark.parametrize(
    ("language", "complaint", "apology"),
    [
        ("en", "i took unpaid leave for it", "i'm sorry that you took unpaid leave"),
        ("nl", "ik had er vrij voor genomen", "het spijt me dat u daar vrij voor hebt genomen"),
    ],
)
def test_an_expression_of_two_words_is_specific(language, complaint, apology):
    got = call(language, ("customer", 0, 5, complaint), ("agent", 6, 9, apology))
    assert got["specific"].status == "met"


def test_a_number_is_not_specific():
    got = call(
        "en",
        ("customer", 0, 5, "my router 4471 does not work"),
        ("agent", 6, 9, "i'm sorry about 4471"),
    )
    assert got["specific"].status == "not_met"


@pytest.mark.parametrize(
    ("language", "wait", "after"),
    [
        ("en", "sorry to keep you waiting", "the book is in your account"),
        ("nl", "sorry voor het wachten", "het boek staat in uw account"),
    ],
)
def test_waiting_on_the_line_is_answered_by_what_follows(language, wait, after):
    got = call(
        language,
        ("customer", 0, 5, OPENINGS[language][True][3]),
        ("agent", 60, 62, wait),
        ("agent", 62.2, 66, after),
    )
    assert (got["solution"].status, got["solution"].remarks) == ("met", ("for_a_wait",))
    assert got["specific"].status == "cannot_tell"


def test_the_clock_stops_while_the_customer_is_asked_and_looks_it_up():
    turns = [
        ("customer", 0, 5, "my parcel has not arrived"),
        ("agent", 5.5, 7, "i'm sorry about that"),
        ("agent", 8, 10, "what is your order number"),
        ("customer", 25, 35, "it is four five six"),
        ("agent", 36, 40, "i will send you a new one today"),
    ]
    got = call("en", *turns)["solution"]
    assert got.status == "met"
    assert got.value == pytest.approx(2.0, abs=0.5)


def test_what_was_named_long_before_does_not_follow_the_apology():
    got = call(
        "en",
        ("customer", 0, 5, "my parcel has not arrived"),
        ("agent", 6, 9, "i will send you a new one"),
        ("customer", 10, 60, "and then i called again and nobody knew anything about it at all"),
        ("agent", 67, 69, "i'm sorry about that"),
    )["solution"]
    assert got.status == "not_met"


@pytest.mark.parametrize("mark", ["", "."])
def test_the_end_of_a_turn_ends_a_sentence(mark):
    got = call(
        "nl",
        ("customer", 0, 5, "mijn pakket is niet aangekomen" + mark),
        ("agent", 6, 8, "het spijt me" + mark),
        ("agent", 9, 12, "ik stuur u vandaag een nieuw pakket" + mark),
    )
    assert got["solution"].status == "met"
    assert got["once"].status == "met"


@pytest.mark.parametrize("path", benchmark.golden_files()[::5], ids=lambda p: p.stem)
def test_full_stops_at_the_end_of_turns_change_no_rule(path):
    turns, _, language = benchmark.golden_call(path)

    def ended(turn, mark):
        words = (
            *turn.words[:-1],
            *(replace(w, text=w.text.rstrip(".") + mark) for w in turn.words[-1:]),
        )
        return replace(turn, text=turn.text.rstrip(".") + mark, words=words)

    def statuses(mark):
        said = [t if t.text.endswith(("?", "!")) else ended(t, mark) for t in turns]
        results = conduct.assess(said, find(said, language), language=language)
        return {name: result.status for name, result in results.items()}

    assert statuses("") == statuses(".")


@pytest.mark.parametrize(
    ("language", "complaint", "sympathy"),
    [
        ("en", "the cup is in pieces", "i am sorry to see this"),
        ("en", "the cup is in pieces", "i'm so sorry to see it came like that"),
        ("nl", "het glas is gebarsten", "het spijt me dit te zien"),
        ("nl", "het glas is gebarsten", "het spijt me te zien dat het zo bij u aankwam"),
    ],
)
def test_sorry_to_see_this_is_not_nobody_apologised(language, complaint, sympathy):
    turns = [Turn(0, 5, complaint, "customer"), Turn(6, 9, sympathy, "agent")]
    acts = find(turns, language)
    got = conduct.assess(turns, acts, language=language)["real"]
    assert (got.status, got.remarks) == ("cannot_tell", ("sorry_as_sympathy",))
    assert conduct.complains(turns, acts, language=language) is None


@pytest.mark.parametrize(
    ("language", "complaint", "apology"),
    [
        ("en", "i keep getting cut off", "oh dear i am sorry have you got your customer number"),
        ("nl", "de lijn valt weg", "oh jee het spijt me heeft u uw klantnummer bij de hand"),
    ],
)
def test_an_apology_before_a_question_for_data_is_an_apology(language, complaint, apology):
    got = call(language, ("customer", 0, 5, complaint), ("agent", 6, 9, apology))
    assert got["real"].status == "met"


def test_understanding_says_what_was_named_and_for_whom():
    got = call(
        "en",
        ("customer", 0, 5, "my parcel has not arrived"),
        ("agent", 6, 9, "i understand how annoying that is for you"),
    )["understanding"]
    assert got.remarks == ("feeling_named", "for_the_customer")


def test_a_delay_without_word_times_goes_to_the_place_of_the_apology():
    got = call(
        "nl",
        ("customer", 0, 5, "mijn internet doet het niet"),
        (
            "agent",
            5.3,
            20,
            "ik kijk even in het systeem en ik zie een storing in uw wijk het spijt me",
        ),
    )["delay"]
    assert got.value > 10


@pytest.mark.parametrize(
    ("language", "complaint", "apology", "next_turn"),
    [
        ("en", "the app shows a blank page", "i'm sorry about that page", "could you reinstall it"),
        (
            "nl",
            "de app geeft een wit scherm",
            "sorry voor dat scherm",
            "wilt u hem opnieuw opstarten",
        ),
    ],
)
def test_the_next_turn_of_the_same_breath_is_no_part_of_the_apology(
    language, complaint, apology, next_turn
):
    turns = [
        Turn(0, 4, complaint, "customer"),
        Turn(5, 7, apology, "agent"),
        Turn(7.2, 10, next_turn, "agent"),
    ]
    acts = find(turns, language)
    assert [a.text for a in acts] == [apology]
    assert conduct.assess(turns, acts, language=language)["solution"].status == "met"


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("en", "i'm so sorry that you", "had to come twice"),
        ("nl", "het spijt me dat u", "twee keer moest komen"),
    ],
)
def test_an_apology_over_two_turns_keeps_its_time(language, first, second):
    lines = {
        "en": ("the shop was closed again", "i'll open it for you myself at nine tomorrow"),
        "nl": ("de winkel was weer dicht", "ik stuur u vandaag nog een nieuwe toe"),
    }[language]
    turns = [
        Turn(0, 4, lines[0], "customer"),
        Turn(5, 6.5, first, "agent"),
        Turn(6.6, 8, second, "agent"),
        Turn(9, 12, lines[1], "agent"),
    ]
    acts = find(turns, language)
    assert [a.text for a in acts] == [f"{first} {second}"]
    result = conduct.assess(turns, acts, language=language)["solution"]
    assert result.status == "met"
    assert "no_times" not in result.remarks
