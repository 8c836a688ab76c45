"""Words that name no matter: articles, pronouns, auxiliaries, question words, and courtesy."""

from __future__ import annotations

_BY_LANGUAGE = {
    "en": """a about after again before during until also am an and any anything are as at be
        because been but by can could dear did do does doing for from get gets getting got had
        has have having hello help her here hey him his how i if in into is it its just keep
        know let like make may me might mine more much must my need no not now of off on one or
        other our out please possible should since so some somebody something still take tell
        thank thanks that the their them then there these they thing think this those to too
        trying up us use using very want wanted was way we were what when where which while who
        whom whose why will with without would yes yet you your many does doesn didn don won isn
        aren cant couldn until wasn ve ll re able""",
    "de": """aber alle als am an auch auf aus bei bin bis bitte da danke dann das dass dein dem
        den denn der des die dies diese diesen dieser dieses doch du durch ein eine einem einen
        einer eines er es etwas euch euer für gibt guten haben habe hat hallo hätte heute ich
        ihm ihn ihnen ihr ihre ihren im in ist ja jetzt kann kein keine können könnte lange
        machen man mehr mein meine meinem meinen meiner mich mir mit möchte möglich muss müssen
        nach nicht noch nur ob oder ohne schon sehr sein seine seit sich sie sind so soll tag
        tun über um und uns unser vom von vor wann warum was weil welche welchem welchen welcher
        welches wenn wer werden wie wieder wird wir wissen wo wohin wurde würde zu zum zur viel
        viele""",
    "fr": """ai alors au aussi autre aux avec avez avoir avons bonjour c ça car ce cela ces
        cette chez comme comment combien dans de depuis des dois donc du elle en encore est et
        être eu faire fait faut il ils j je la le les leur lui ma mais me merci mes mon ne nos
        notre nous on ou où par pas peut peux plus pour pourquoi pouvez puis quand que quel
        quelle quelles quels qui quoi sa sans se ses si son sont suis sur ta te tes toi ton tous
        tout tu un une veux vos votre voudrais vous y""",
    "es": """a al algo and ante aún como cómo con cual cuál cuáles cuando cuándo cuánto cuánta
        cuántos de del desde donde dónde el ella en entre era es esa ese eso esta está estar
        estas este esto estoy fue gracias ha hace hacer hasta hay he hola la las le les lo los
        más me mi mis mucho muy necesito ni no nos o otra otro para pero por porque puede puedo
        que qué quien quién quiero se ser si sí sin sobre son su sus también te tengo tiene todo
        tu un una unos usted y ya yo""",
    "it": """a ai al alla anche che chi ci ciao come con cosa cui da dal dalla degli dei del
        della di dove e è fare gli grazie ha ho i il in io la le lei lo ma mi mia miei mio molto
        ne nel nella no noi non o per perché più posso può qual quale quali quando quanto quanti
        quanta se sei si sono su sua sul suo ti tra tu un una uno vi voglio vorrei""",
    "nl": """aan al als bij dan dat de deze die dit doe doen door een en er gaat geen had hallo
        heb hebben heeft het hier hoe hoeveel hoelang ik in is ja jij jullie kan kunnen maar me
        mee meer met mij mijn moet na naar niet nog nu of om omdat ons ook op over te tot u uit
        uw van voor waar waarom wanneer want was wat we welke wie wij wil worden wordt zal ze
        zich zij zijn zo""",
}
SMALL_WORDS = frozenset(word for words in _BY_LANGUAGE.values() for word in words.split())
"""Of the languages in which most of Europe's customers write; in others names may hold some."""
