"""The texts of a hand-over, a clarifying question and a fallback, in each language.

They promise only what is true and use no cheer and no exclamation mark. The brand voice adds the
opener that fits the mood. ``opening`` is a date pattern in Arrow's tokens, used within ``closed``.
Every text exists in every packaged language.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gateway import format_date

TextsByKind = Mapping[str, Mapping[str, str]]
"""Kind -> language -> text."""

TEXTS: TextsByKind = {
    "handover": {
        "en": "I am passing you to a person in our team, who will answer you here.",
        "de": "Ich gebe Sie an einen Menschen aus unserem Team weiter, der Ihnen hier antwortet.",
        "fr": "Je vous confie à une personne de notre équipe, qui vous répondra ici.",
        "es": "Le paso con una persona de nuestro equipo, que le responderá aquí.",
        "ar": "سأحوّلك إلى شخص من فريقنا، وسيرد عليك هنا.",
        "it": "La metto in contatto con una persona del nostro team, che le risponderà qui.",
        "pt": "Vou passar a conversa a uma pessoa da nossa equipa, que lhe responderá aqui.",
        "nl": "Ik geef u door aan iemand van ons team, die u hier antwoord geeft.",
        "pl": "Przekazuję tę rozmowę osobie z naszego zespołu, która odpowie tutaj.",
        "sv": "Jag lämnar över till en person i vårt team, som svarar dig här.",
        "tr": "Sizi ekibimizden bir kişiye aktarıyorum; size buradan yanıt verecek.",
        "ja": "担当者におつなぎします。担当者がこちらでお答えします。",
    },
    "handover_upset": {
        "en": "I am giving this to a person in our team. They can read everything you wrote, so "
        "you do not have to explain it again.",
        "de": "Ich gebe das an einen Menschen aus unserem Team. Alles, was Sie geschrieben haben, "
        "liegt dort vor, Sie müssen es nicht noch einmal erklären.",
        "fr": "Je transmets votre demande à une personne de notre équipe. Elle peut lire tout ce "
        "que vous avez écrit, vous n'aurez pas à le répéter.",
        "es": "Paso su caso a una persona de nuestro equipo. Puede leer todo lo que ha escrito, "
        "así que no tendrá que explicarlo otra vez.",
        "ar": "سأحيل الأمر إلى شخص من فريقنا. يمكنه قراءة كل ما كتبته، فلا حاجة إلى شرحه من جديد.",
        "it": "Affido la questione a una persona del nostro team. Può leggere tutto ciò che ha "
        "scritto, quindi non dovrà spiegarlo di nuovo.",
        "pt": "Vou entregar isto a uma pessoa da nossa equipa. Ela pode ler tudo o que escreveu, "
        "por isso não precisa de explicar outra vez.",
        "nl": "Ik geef dit aan iemand van ons team. Die kan alles lezen wat u hebt geschreven, "
        "dus u hoeft het niet nog eens uit te leggen.",
        "pl": "Przekazuję tę sprawę osobie z naszego zespołu. Może ona przeczytać całą rozmowę, "
        "więc nie trzeba niczego wyjaśniać od nowa.",
        "sv": "Jag lämnar det här till en person i vårt team, som kan läsa allt du har skrivit. "
        "Du behöver inte förklara det en gång till.",
        "tr": "Bunu ekibimizden bir kişiye iletiyorum. Yazdığınız her şeyi okuyabilir, yeniden "
        "anlatmanız gerekmez.",
        "ja": "この件を担当者に引き継ぎます。担当者はこれまでのメッセージをすべて読めますので、"
        "もう一度ご説明いただく必要はありません。",
    },
    "handover_worried": {
        "en": "I am passing this to a person in our team, who will look at it with you. They can "
        "read what you wrote so far.",
        "de": "Ich gebe das an einen Menschen aus unserem Team, der es sich mit Ihnen ansieht. Was "
        "Sie bisher geschrieben haben, liegt dort vor.",
        "fr": "Je transmets cela à une personne de notre équipe, qui l'examinera avec vous. Elle "
        "peut lire ce que vous avez déjà écrit.",
        "es": "Se lo paso a una persona de nuestro equipo, que lo verá con usted. Puede leer lo "
        "que ha escrito hasta ahora.",
        "ar": "سأحيل هذا إلى شخص من فريقنا لينظر فيه معك. يمكنه قراءة ما كتبته حتى الآن.",
        "it": "Affido la questione a una persona del nostro team, che la esaminerà con lei. Può "
        "leggere ciò che ha scritto finora.",
        "pt": "Vou passar isto a uma pessoa da nossa equipa, que vai ver o assunto consigo. Ela "
        "pode ler o que escreveu até agora.",
        "nl": "Ik geef dit door aan iemand van ons team, die er samen met u naar kijkt. Die kan "
        "lezen wat u tot nu toe hebt geschreven.",
        "pl": "Przekazuję to osobie z naszego zespołu, która wspólnie się tym zajmie. Może ona "
        "przeczytać dotychczasową rozmowę.",
        "sv": "Jag lämnar över det här till en person i vårt team, som går igenom det med dig och "
        "kan läsa det du har skrivit hittills.",
        "tr": "Bunu ekibimizden bir kişiye iletiyorum; konuyu sizinle birlikte inceleyecek. "
        "Şimdiye kadar yazdıklarınızı okuyabilir.",
        "ja": "この件を担当者に引き継ぎ、一緒に確認いたします。"
        "担当者はこれまでのメッセージを読めます。",
    },
    "handover_urgent": {
        "en": "I am passing this to a person in our team and have marked it as urgent.",
        "de": "Ich gebe das an einen Menschen aus unserem Team und habe es als dringend markiert.",
        "fr": "Je transmets cela à une personne de notre équipe et je l'ai signalé comme urgent.",
        "es": "Se lo paso a una persona de nuestro equipo y lo he marcado como urgente.",
        "ar": "سأحيل هذا إلى شخص من فريقنا، وقد وضعت عليه علامة عاجل.",
        "it": "Passo la richiesta a una persona del nostro team e l'ho segnalata come urgente.",
        "pt": "Vou passar isto a uma pessoa da nossa equipa e assinalei-o como urgente.",
        "nl": "Ik geef dit door aan iemand van ons team en heb het als dringend gemarkeerd.",
        "pl": "Przekazuję to osobie z naszego zespołu z oznaczeniem, że sprawa jest pilna.",
        "sv": "Jag lämnar över det här till en person i vårt team och har markerat det som "
        "brådskande.",
        "tr": "Bunu ekibimizden bir kişiye iletiyorum ve acil olarak işaretledim.",
        "ja": "この件を担当者に引き継ぎ、至急の印を付けました。",
    },
    "handover_harm": {
        "en": "Are you safe? If anyone is hurt or in danger, please call {number} first.",
        "de": "Sind Sie in Sicherheit? Wenn jemand verletzt oder in Gefahr ist, wählen Sie bitte "
        "zuerst {number}.",
        "fr": "Êtes-vous en sécurité ? Si quelqu'un est blessé ou en danger, appelez d'abord le "
        "{number}.",
        "es": "¿Está a salvo? Si hay alguien herido o en peligro, llame primero al {number}.",
        "ar": "هل أنت بأمان؟ إذا كان أحد مصابًا أو في خطر، فاتصل أولًا على {number}.",
        "it": "È al sicuro? Se qualcuno è ferito o in pericolo, chiami prima il {number}.",
        "pt": "Está em segurança? Se alguém estiver ferido ou em perigo, ligue primeiro para o "
        "{number}.",
        "nl": "Bent u veilig? Als iemand gewond of in gevaar is, bel dan eerst {number}.",
        "pl": "Czy wszyscy są bezpieczni? Jeśli ktoś jest ranny lub w niebezpieczeństwie, proszę "
        "najpierw zadzwonić pod {number}.",
        "sv": "Är du i säkerhet? Om någon är skadad eller i fara, ring först {number}.",
        "tr": "Güvende misiniz? Yaralanan veya tehlikede olan biri varsa lütfen önce {number} "
        "numarasını arayın.",
        "ja": "ご無事ですか。けが人や危険がある場合は、まず{number}に電話してください。",
    },
    "harm_told": {
        "en": "I am telling a person in our team right now. They have your message and will "
        "answer you here.",
        "de": "Ich verständige gerade einen Menschen aus unserem Team. Ihre Nachricht liegt dort "
        "vor, und Sie bekommen hier eine Antwort.",
        "fr": "Je préviens tout de suite une personne de notre équipe. Elle a votre message et "
        "vous répondra ici.",
        "es": "Estoy avisando ahora mismo a una persona de nuestro equipo. Tiene su mensaje y le "
        "responderá aquí.",
        "ar": "أُبلغ الآن شخصًا من فريقنا. رسالتك لديه وسيرد عليك هنا.",
        "it": "Sto avvisando ora una persona del nostro team. Ha il suo messaggio e le "
        "risponderà qui.",
        "pt": "Estou a avisar agora uma pessoa da nossa equipa. Ela tem a sua mensagem e vai "
        "responder-lhe aqui.",
        "nl": "Ik waarschuw nu iemand van ons team. Die heeft uw bericht en antwoordt u hier.",
        "pl": "Właśnie zawiadamiam osobę z naszego zespołu. Ma ona tę wiadomość i odpowie tutaj.",
        "sv": "Jag meddelar nu en person i vårt team, som har ditt meddelande och svarar dig här.",
        "tr": "Şu anda ekibimizden bir kişiye haber veriyorum. Mesajınız onda ve size buradan "
        "yanıt verecek.",
        "ja": "ただいま担当者に知らせています。"
        "担当者がメッセージを受け取り、こちらでお答えします。",
    },
    "harm_alerted": {
        "en": "We are outside our opening hours. A person in our team has been alerted and has "
        "your message. Until they answer, you can get help at {number}.",
        "de": "Wir haben gerade geschlossen. Ein Mensch aus unserem Team ist alarmiert und hat "
        "Ihre Nachricht. Bis zur Antwort bekommen Sie hier Hilfe: {number}.",
        "fr": "Nous sommes fermés en ce moment. Une personne de notre équipe est alertée et a "
        "votre message. En attendant sa réponse, vous pouvez appeler le {number}.",
        "es": "Ahora estamos fuera de nuestro horario. Hemos alertado a una persona de nuestro "
        "equipo, que tiene su mensaje. Hasta que le responda, puede pedir ayuda al {number}.",
        "ar": "نحن الآن خارج أوقات العمل. تم تنبيه شخص من فريقنا ورسالتك لديه. إلى أن يرد عليك، "
        "يمكنك طلب المساعدة على {number}.",
        "it": "Ora siamo fuori dall'orario di apertura. Una persona del nostro team è stata "
        "allertata e ha il suo messaggio. Fino alla sua risposta può chiedere aiuto chiamando il "
        "{number}.",
        "pt": "Estamos fora do horário de atendimento. Uma pessoa da nossa equipa foi alertada e "
        "tem a sua mensagem. Até à resposta, pode pedir ajuda ligando para o {number}.",
        "nl": "Wij zijn nu gesloten. Iemand van ons team is gealarmeerd en heeft uw bericht. Tot "
        "er antwoord komt, krijgt u hulp via {number}.",
        "pl": "Jesteśmy teraz poza godzinami pracy. Osoba z naszego zespołu została zaalarmowana "
        "i ma tę wiadomość. Do czasu odpowiedzi pomoc można wezwać, dzwoniąc pod {number}.",
        "sv": "Vi har stängt just nu. En person i vårt team har larmats och har ditt meddelande. "
        "Tills du får svar kan du få hjälp på {number}.",
        "tr": "Şu anda çalışma saatlerimizin dışındayız. Ekibimizden bir kişiye alarm verildi ve "
        "mesajınız onda. Yanıt gelene kadar {number} numarasından yardım alabilirsiniz.",
        "ja": "現在は営業時間外ですが、担当者に緊急の連絡をし、メッセージを届けました。"
        "回答があるまでは、{number}に助けを求めてください。",
    },
    "harm_closed": {
        "en": "Nobody in our team is at work right now. Your message comes first when we open, "
        "on {when}. Until then, you can get help at {number}.",
        "de": "Im Moment ist niemand von uns im Haus. Ihre Nachricht kommt zuerst dran, wenn wir "
        "öffnen: {when}. Bis dahin bekommen Sie hier Hilfe: {number}.",
        "fr": "Personne de notre équipe n'est présent en ce moment. Votre message sera traité en "
        "premier à notre retour, {when}. D'ici là, vous pouvez appeler le {number}.",
        "es": "Ahora no hay nadie de nuestro equipo. Su mensaje será el primero cuando abramos, "
        "el {when}. Hasta entonces puede pedir ayuda al {number}.",
        "ar": "لا يوجد أحد من فريقنا في العمل الآن. رسالتك ستكون الأولى عندما نعود، {when}. وحتى "
        "ذلك الحين يمكنك طلب المساعدة على {number}.",
        "it": "In questo momento non c'è nessuno del nostro team. Il suo messaggio sarà il primo "
        "quando riapriamo, {when}. Fino ad allora può chiedere aiuto chiamando il {number}.",
        "pt": "Neste momento não está ninguém da nossa equipa. A sua mensagem será a primeira "
        "quando abrirmos, {when}. Até lá, pode pedir ajuda ligando para o {number}.",
        "nl": "Op dit moment is er niemand van ons aan het werk. Uw bericht komt als eerste aan "
        "de beurt wanneer wij opengaan: {when}. Tot dan krijgt u hulp via {number}.",
        "pl": "W tej chwili nikogo z naszego zespołu nie ma w pracy. Ta wiadomość będzie "
        "pierwsza, gdy otworzymy: {when}. Do tego czasu pomoc można wezwać, dzwoniąc pod "
        "{number}.",
        "sv": "Ingen i vårt team är på plats just nu. Ditt meddelande kommer först när vi "
        "öppnar, {when}. Tills dess kan du få hjälp på {number}.",
        "tr": "Şu anda ekibimizden kimse çalışmıyor. Açıldığımızda önce sizin mesajınıza "
        "bakılacak: {when}. O zamana kadar {number} numarasından yardım alabilirsiniz.",
        "ja": "現在、担当者は不在です。営業を再開する{when}に、最初に対応いたします。"
        "それまでは、{number}に助けを求めてください。",
    },
    "harm_number": {
        "en": "your local emergency number",
        "de": "die örtliche Notrufnummer",
        "fr": "numéro d'urgence local",
        "es": "número de emergencias local",
        "ar": "رقم الطوارئ المحلي",
        "it": "numero di emergenza locale",
        "pt": "número de emergência local",
        "nl": "het lokale alarmnummer",
        "pl": "lokalny numer alarmowy",
        "sv": "det lokala nödnumret",
        "tr": "yerel acil yardım",
        "ja": "地域の緊急通報番号",
    },
    "not_served": {
        "en": "I do not speak your language well enough to help you. A person in our team has your "
        "message and will answer you here.",
        "de": "Ich beherrsche Ihre Sprache nicht gut genug, um Ihnen zu helfen. Ein Mensch aus "
        "unserem Team hat Ihre Nachricht und antwortet Ihnen hier.",
        "fr": "Je ne maîtrise pas assez bien votre langue pour vous aider. Une personne de notre "
        "équipe a votre message et vous répondra ici.",
        "es": "No domino su idioma lo suficiente para ayudarle. Una persona de nuestro equipo "
        "tiene su mensaje y le responderá aquí.",
        "ar": "لا أجيد لغتك بما يكفي لمساعدتك. رسالتك لدى شخص من فريقنا وسيرد عليك هنا.",
        "it": "Non conosco abbastanza bene la sua lingua per aiutarla. Una persona del nostro team "
        "ha il suo messaggio e le risponderà qui.",
        "pt": "Não domino a sua língua o suficiente para o ajudar. Uma pessoa da nossa equipa tem "
        "a sua mensagem e vai responder-lhe aqui.",
        "nl": "Ik beheers uw taal niet goed genoeg om u te helpen. Iemand van ons team heeft uw "
        "bericht en antwoordt u hier.",
        "pl": "Nie znam tego języka na tyle dobrze, żeby pomóc. Osoba z naszego zespołu ma tę "
        "wiadomość i odpowie tutaj.",
        "sv": "Jag kan inte ditt språk tillräckligt bra för att hjälpa dig. En person i vårt team "
        "har ditt meddelande och svarar dig här.",
        "tr": "Size yardımcı olacak kadar iyi Türkçe bilmiyorum. Ekibimizden bir kişi mesajınızı "
        "aldı ve size buradan yanıt verecek.",
        "ja": "お客様の言語では十分にお手伝いできません。"
        "担当者がメッセージを受け取り、こちらでお答えします。",
    },
    "failed": {
        "en": "Something went wrong on our side, and I could not answer you. A person in our team "
        "has your message and will answer you here.",
        "de": "Bei uns ist etwas schiefgegangen, und ich konnte Ihnen nicht antworten. Ein Mensch "
        "aus unserem Team hat Ihre Nachricht und antwortet Ihnen hier.",
        "fr": "Un problème est survenu de notre côté et je n'ai pas pu vous répondre. Une personne "
        "de notre équipe a votre message et vous répondra ici.",
        "es": "Algo ha fallado por nuestra parte y no he podido responderle. Una persona de "
        "nuestro equipo tiene su mensaje y le responderá aquí.",
        "ar": "حدث خطأ من جانبنا ولم أتمكن من الرد عليك. رسالتك لدى شخص من فريقنا وسيرد عليك هنا.",
        "it": "Qualcosa non ha funzionato da parte nostra e non ho potuto risponderle. Una "
        "persona del nostro team ha il suo messaggio e le risponderà qui.",
        "pt": "Algo correu mal do nosso lado e não consegui responder-lhe. Uma pessoa da nossa "
        "equipa tem a sua mensagem e vai responder-lhe aqui.",
        "nl": "Er is bij ons iets misgegaan en ik kon u niet antwoorden. Iemand van ons team "
        "heeft uw bericht en antwoordt u hier.",
        "pl": "Po naszej stronie wystąpił błąd i odpowiedź nie była możliwa. Osoba z naszego "
        "zespołu ma tę wiadomość i odpowie tutaj.",
        "sv": "Något gick fel hos oss och jag kunde inte svara dig. En person i vårt team har "
        "ditt meddelande och svarar dig här.",
        "tr": "Bizim tarafımızda bir sorun oluştu ve size yanıt veremedim. Mesajınız ekibimizden "
        "bir kişide ve size buradan yanıt verecek.",
        "ja": "こちらの不具合により、お答えできませんでした。担当者がメッセージを受け取り、"
        "こちらでお答えします。",
    },
    "unreadable": {
        "en": "I could not open your message. A person in our team has it and will answer you.",
        "de": "Ich konnte Ihre Nachricht nicht öffnen. Ein Mensch aus unserem Team hat sie und "
        "antwortet Ihnen.",
        "fr": "Je n'ai pas pu ouvrir votre message. Une personne de notre équipe l'a reçu et vous "
        "répondra.",
        "es": "No he podido abrir su mensaje. Una persona de nuestro equipo lo tiene y le "
        "responderá.",
        "ar": "لم أتمكن من فتح رسالتك. هي الآن لدى شخص من فريقنا وسيرد عليك.",
        "it": "Non sono riuscito ad aprire il suo messaggio. Lo ha ricevuto una persona del "
        "nostro team, che le risponderà.",
        "pt": "Não consegui abrir a sua mensagem. Uma pessoa da nossa equipa tem-na e vai "
        "responder-lhe.",
        "nl": "Ik kon uw bericht niet openen. Iemand van ons team heeft het en antwoordt u.",
        "pl": "Tej wiadomości nie udało się otworzyć. Ma ją osoba z naszego zespołu i odpowie na "
        "nią.",
        "sv": "Jag kunde inte öppna ditt meddelande. En person i vårt team har det och svarar dig.",
        "tr": "Mesajınızı açamadım. Mesaj ekibimizden bir kişide ve size yanıt verecek.",
        "ja": "メッセージを開くことができませんでした。担当者が受け取り、お答えします。",
    },
    "no_words": {
        "en": "Thank you, I have received it. A person in our team will look at it and answer you "
        "here.",
        "de": "Danke, das ist angekommen. Ein Mensch aus unserem Team sieht es sich an und "
        "antwortet Ihnen hier.",
        "fr": "Merci, c'est bien arrivé. Une personne de notre équipe va le regarder et vous "
        "répondra ici.",
        "es": "Gracias, lo he recibido. Una persona de nuestro equipo lo revisará y le responderá "
        "aquí.",
        "ar": "شكرًا، لقد وصلني ذلك. سيطّلع عليه شخص من فريقنا وسيرد عليك هنا.",
        "it": "Grazie, l'ho ricevuto. Una persona del nostro team lo guarderà e le risponderà qui.",
        "pt": "Obrigado, já recebi. Uma pessoa da nossa equipa vai ver e responder-lhe aqui.",
        "nl": "Dank u, het is aangekomen. Iemand van ons team bekijkt het en antwoordt u hier.",
        "pl": "Dziękuję, to dotarło. Osoba z naszego zespołu to obejrzy i odpowie tutaj.",
        "sv": "Tack, det har kommit fram. En person i vårt team tittar på det och svarar dig här.",
        "tr": "Teşekkür ederim, bana ulaştı. Ekibimizden bir kişi inceleyecek ve size buradan "
        "yanıt verecek.",
        "ja": "ありがとうございます。受け取りました。担当者が確認し、こちらでお答えします。",
    },
    "closed": {
        "en": "Nobody is at work right now. You will have an answer after we open, on {when}.",
        "de": "Im Moment ist niemand im Haus. Sie bekommen eine Antwort, sobald wir wieder da "
        "sind: {when}.",
        "fr": "Personne n'est présent en ce moment. Vous aurez une réponse à partir de notre "
        "retour, {when}.",
        "es": "En este momento no hay nadie. Tendrá una respuesta cuando volvamos, el {when}.",
        "ar": "لا يوجد أحد في العمل الآن. ستصلك إجابة بعد أن نعود، {when}.",
        "it": "In questo momento non c'è nessuno. Avrà una risposta quando riapriamo, {when}.",
        "pt": "Neste momento não está ninguém. Terá uma resposta quando reabrirmos, {when}.",
        "nl": "Er is nu niemand aanwezig. U krijgt antwoord nadat we weer opengaan, {when}.",
        "pl": "Teraz nikogo nie ma. Odpowiedź przyjdzie po otwarciu: {when}.",
        "sv": "Just nu är ingen på plats. Du får svar när vi har öppnat igen, {when}.",
        "tr": "Şu anda kimse yok. Yeniden açıldıktan sonra yanıt alacaksınız: {when}.",
        "ja": "現在、担当者は不在です。{when}の営業再開後にお答えします。",
    },
    "in_line": {
        "en": "You are still in line. Our team has your message, and a person will answer you "
        "here.",
        "de": "Sie sind weiter in der Warteschlange. Ihre Nachricht liegt unserem Team vor, und "
        "ein Mensch antwortet Ihnen hier.",
        "fr": "Vous êtes toujours dans la file d'attente. Notre équipe a votre message, et une "
        "personne vous répondra ici.",
        "es": "Sigue en la lista de espera. Nuestro equipo tiene su mensaje y una persona le "
        "responderá aquí.",
        "ar": "ما زلت في قائمة الانتظار. رسالتك لدى فريقنا، وسيرد عليك شخص هنا.",
        "it": "È ancora in attesa. Il nostro team ha il suo messaggio e una persona le risponderà "
        "qui.",
        "pt": "Continua na fila de espera. A nossa equipa tem a sua mensagem e uma pessoa vai "
        "responder-lhe aqui.",
        "nl": "U staat nog in de wachtrij. Ons team heeft uw bericht en iemand antwoordt u hier.",
        "pl": "Ta rozmowa nadal czeka w kolejce. Nasz zespół ma tę wiadomość i ktoś odpowie tutaj.",
        "sv": "Du står fortfarande i kö. Vårt team har ditt meddelande och en person svarar dig "
        "här.",
        "tr": "Hâlâ sıradasınız. Mesajınız ekibimizde ve bir kişi size buradan yanıt verecek.",
        "ja": "引き続き順番をお待ちいただいています。"
        "メッセージは担当チームに届いており、担当者がこちらでお答えします。",
    },
    "mail_ask": {
        "en": "If you cannot wait here, write me your e-mail address, and the answer comes there. "
        "You do not have to: without it, the answer will be here.",
        "de": "Wenn Sie hier nicht warten können, schreiben Sie mir Ihre E-Mail-Adresse, dann "
        "kommt die Antwort dorthin. Sie müssen das nicht: Ohne sie finden Sie die Antwort hier.",
        "fr": "Si vous ne pouvez pas attendre ici, écrivez-moi votre adresse e-mail, et la "
        "réponse y arrivera. Ce n'est pas obligatoire : sans elle, la réponse sera ici.",
        "es": "Si no puede esperar aquí, escríbame su correo electrónico y la respuesta llegará "
        "allí. No es obligatorio: sin él, la respuesta estará aquí.",
        "ar": "إذا كنت لا تستطيع الانتظار هنا، فاكتب لي عنوان بريدك الإلكتروني وستصلك الإجابة "
        "عليه. هذا ليس إلزاميًا، ومن دونه ستجد الإجابة هنا.",
        "it": "Se non può aspettare qui, mi scriva il suo indirizzo e-mail e la risposta arriverà "
        "lì. Non è obbligatorio: senza, troverà la risposta qui.",
        "pt": "Se não puder esperar aqui, escreva-me o seu e-mail e a resposta chegará lá. Não é "
        "obrigatório: sem ele, a resposta estará aqui.",
        "nl": "Als u hier niet kunt wachten, geef mij dan uw e-mailadres; het antwoord komt dan "
        "daar. Het hoeft niet: zonder adres staat het antwoord hier.",
        "pl": "Jeśli nie można tu czekać, proszę podać adres e-mail, a odpowiedź przyjdzie tam. "
        "Nie jest to konieczne: bez niego odpowiedź będzie tutaj.",
        "sv": "Om du inte kan vänta här, skriv din e-postadress, så kommer svaret dit. Du måste "
        "inte: utan den finns svaret här.",
        "tr": "Burada bekleyemiyorsanız e-posta adresinizi yazın, yanıt oraya gelsin. Zorunlu "
        "değil: adres olmadan da yanıt burada olacak.",
        "ja": "こちらでお待ちになれない場合は、メールアドレスをお知らせください。回答をそちら"
        "へお送りします。ご記入は任意です。ない場合は、回答をこちらでご覧いただけます。",
    },
    "mail_sent": {
        "en": "I have sent a code to {address}. Repeat it here, or reply to that mail with YES, "
        "and our answer goes to that address.",
        "de": "Ich habe einen Code an {address} geschickt. Wiederholen Sie ihn hier, oder "
        "antworten Sie auf die Mail mit JA, dann geht unsere Antwort an diese Adresse.",
        "fr": "J'ai envoyé un code à {address}. Répétez-le ici, ou répondez à ce message par OUI, "
        "et notre réponse ira à cette adresse.",
        "es": "He enviado un código a {address}. Repítalo aquí, o responda a ese correo con SÍ, y "
        "nuestra respuesta irá a esa dirección.",
        "ar": "أرسلت رمزًا إلى {address}. كرره هنا، أو أجب على تلك الرسالة بكلمة نعم، وسيصل ردنا "
        "إلى ذلك العنوان.",
        "it": "Ho inviato un codice a {address}. Lo ripeta qui, oppure risponda a quella mail con "
        "SÌ, e la nostra risposta andrà a quell'indirizzo.",
        "pt": "Enviei um código para {address}. Repita-o aqui, ou responda a esse e-mail com SIM, "
        "e a nossa resposta irá para esse endereço.",
        "nl": "Ik heb een code naar {address} gestuurd. Herhaal die hier, of antwoord op die mail "
        "met JA; dan gaat ons antwoord naar dat adres.",
        "pl": "Kod został wysłany na adres {address}. Proszę powtórzyć go tutaj albo odpowiedzieć "
        "na tę wiadomość słowem TAK, a nasza odpowiedź przyjdzie na ten adres.",
        "sv": "Jag har skickat en kod till {address}. Upprepa den här, eller svara på mejlet med "
        "JA, så går vårt svar till den adressen.",
        "tr": "{address} adresine bir kod gönderdim. Kodu burada tekrarlayın ya da o iletiyi EVET "
        "diyerek yanıtlayın; yanıtımız o adrese gider.",
        "ja": "{address} にコードをお送りしました。こちらにそのコードを入力するか、メールに「"
        "はい」と返信していただくと、回答をそのアドレスへお送りします。",
    },
    "mail_refused": {
        "en": "I cannot send a mail to {address} now. Our team has your message, and the answer "
        "will be here.",
        "de": "An {address} kann ich gerade keine Mail schicken. Unser Team hat Ihre Nachricht, "
        "und die Antwort finden Sie hier.",
        "fr": "Je ne peux pas envoyer de message à {address} pour le moment. Notre équipe a votre "
        "message, et la réponse sera ici.",
        "es": "Ahora no puedo enviar un correo a {address}. Nuestro equipo tiene su mensaje, y la "
        "respuesta estará aquí.",
        "ar": "لا أستطيع إرسال رسالة إلى {address} الآن. رسالتك لدى فريقنا، وستجد الإجابة هنا.",
        "it": "Ora non posso inviare una mail a {address}. Il nostro team ha il suo messaggio, e "
        "la risposta sarà qui.",
        "pt": "Não posso enviar um e-mail para {address} agora. A nossa equipa tem a sua "
        "mensagem, e a resposta estará aqui.",
        "nl": "Ik kan nu geen mail naar {address} sturen. Ons team heeft uw bericht, en het "
        "antwoord staat hier.",
        "pl": "Nie można teraz wysłać wiadomości na adres {address}. Nasz zespół ma tę wiadomość, "
        "a odpowiedź będzie tutaj.",
        "sv": "Jag kan inte skicka mejl till {address} just nu. Vårt team har ditt meddelande, "
        "och svaret kommer här.",
        "tr": "Şu anda {address} adresine ileti gönderemiyorum. Mesajınız ekibimizde, yanıt "
        "burada olacak.",
        "ja": "現在 {address} にはメールをお送りできません。メッセージは担当チームに届いてお"
        "り、回答はこちらでご覧いただけます。",
    },
    "mail_wrong": {
        "en": "That is not the code, or it is no longer valid. Please look again, or write your "
        "e-mail address once more.",
        "de": "Das ist nicht der Code, oder er gilt nicht mehr. Bitte sehen Sie noch einmal nach, "
        "oder schreiben Sie Ihre E-Mail-Adresse noch einmal.",
        "fr": "Ce n'est pas le code, ou il n'est plus valable. Vérifiez-le, ou écrivez encore une "
        "fois votre adresse e-mail.",
        "es": "Ese no es el código, o ya no es válido. Compruébelo, o escriba otra vez su correo "
        "electrónico.",
        "ar": "هذا ليس الرمز، أو أنه لم يعد صالحًا. يرجى التحقق منه أو كتابة عنوان بريدك "
        "الإلكتروني مرة أخرى.",
        "it": "Questo non è il codice, o non è più valido. Lo ricontrolli, o scriva ancora una "
        "volta il suo indirizzo e-mail.",
        "pt": "Esse não é o código, ou já não é válido. Verifique-o, ou escreva o seu e-mail mais "
        "uma vez.",
        "nl": "Dat is niet de code, of hij is niet meer geldig. Kijk nog eens, of schrijf uw "
        "e-mailadres opnieuw.",
        "pl": "To nie jest ten kod albo stracił już ważność. Proszę sprawdzić go jeszcze raz lub "
        "ponownie podać adres e-mail.",
        "sv": "Det är inte koden, eller så gäller den inte längre. Titta en gång till, eller "
        "skriv din e-postadress igen.",
        "tr": "Kod bu değil ya da artık geçerli değil. Lütfen yeniden bakın veya e-posta "
        "adresinizi bir kez daha yazın.",
        "ja": "コードが違うか、有効期限が切れています。もう一度ご確認いただくか、メールアドレ"
        "スを再度ご記入ください。",
    },
    "mail_proven": {
        "en": "Thank you. Our answer goes to {address}.",
        "de": "Danke. Unsere Antwort geht an {address}.",
        "fr": "Merci. Notre réponse ira à {address}.",
        "es": "Gracias. Nuestra respuesta irá a {address}.",
        "ar": "شكرًا. سيصل ردنا إلى {address}.",
        "it": "Grazie. La nostra risposta andrà a {address}.",
        "pt": "Obrigado. A nossa resposta irá para {address}.",
        "nl": "Dank u. Ons antwoord gaat naar {address}.",
        "pl": "Dziękujemy. Nasza odpowiedź przyjdzie na adres {address}.",
        "sv": "Tack. Vårt svar går till {address}.",
        "tr": "Teşekkürler. Yanıtımız {address} adresine gelecek.",
        "ja": "ありがとうございます。回答は {address} へお送りします。",
    },
    "mail_answered": {
        "en": "We have answered you by e-mail, at {address}.",
        "de": "Wir haben Ihnen per E-Mail geantwortet, an {address}.",
        "fr": "Nous vous avons répondu par e-mail, à {address}.",
        "es": "Le hemos respondido por correo electrónico, a {address}.",
        "ar": "أجبناك عبر البريد الإلكتروني على {address}.",
        "it": "Le abbiamo risposto per e-mail, a {address}.",
        "pt": "Respondemos-lhe por e-mail, para {address}.",
        "nl": "Wij hebben u per e-mail geantwoord, op {address}.",
        "pl": "Odpowiedzieliśmy e-mailem na adres {address}.",
        "sv": "Vi har svarat dig via e-post, till {address}.",
        "tr": "Size {address} adresine e-postayla yanıt verdik.",
        "ja": "{address} にメールで回答をお送りしました。",
    },
    "matter": {
        "en": "I have noted what it is about: {matter}.",
        "de": "Ich habe notiert, worum es geht: {matter}.",
        "fr": "J'ai noté le sujet : {matter}.",
        "es": "He anotado el asunto: {matter}.",
        "ar": "دوّنت الموضوع: {matter}.",
        "it": "Ho annotato di che cosa si tratta: {matter}.",
        "pt": "Anotei o assunto: {matter}.",
        "nl": "Ik heb genoteerd waar het over gaat: {matter}.",
        "pl": "Zapisuję, czego to dotyczy: {matter}.",
        "sv": "Jag har noterat vad det gäller: {matter}.",
        "tr": "Konuyu not ettim: {matter}.",
        "ja": "ご用件を次のとおり記録しました：{matter}",
    },
    "ask": {
        "en": "So that this can be looked up at once, please tell me: {details}. If you do not "
        "have it at hand, just say so.",
        "de": "Damit gleich nachgesehen werden kann, nennen Sie mir bitte: {details}. Haben Sie "
        "das nicht zur Hand, sagen Sie es einfach.",
        "fr": "Pour que l'on puisse regarder tout de suite, indiquez-moi : {details}. Si vous ne "
        "l'avez pas sous la main, dites-le simplement.",
        "es": "Para que se pueda mirar enseguida, indíqueme por favor: {details}. Si no lo tiene "
        "a mano, dígalo sin más.",
        "ar": "لكي يُنظر في الأمر فورًا، يرجى ذكر: {details}. وإن لم يكن متوفرًا لديك فاكتب ذلك.",
        "it": "Per poter controllare subito, mi indichi per favore: {details}. Se non ha "
        "sottomano questo dato, lo dica pure.",
        "pt": "Para que se possa ver isto de imediato, diga-me por favor: {details}. Se não tiver "
        "isso à mão, basta dizer.",
        "nl": "Om dit meteen te kunnen nakijken, hebben wij van u nodig: {details}. Hebt u dat "
        "niet bij de hand, dan kunt u dat gewoon zeggen.",
        "pl": "Aby można było od razu to sprawdzić, proszę podać: {details}. Jeśli nie ma tego "
        "pod ręką, wystarczy to napisać.",
        "sv": "För att det ska gå att titta på direkt, skriv gärna: {details}. Har du det inte "
        "till hands är det bara att säga till.",
        "tr": "Hemen bakılabilmesi için lütfen şunu yazın: {details}. Elinizin altında değilse "
        "bunu söylemeniz yeterli.",
        "ja": "すぐに確認できるよう、次の内容をお知らせください：{details}。お手元にない場合は、"
        "その旨をお書きください。",
    },
    "opening": {
        "en": "dddd D MMMM [at] HH:mm",
        "de": "dddd, D. MMMM, HH:mm [Uhr]",
        "fr": "dddd D MMMM [à] HH:mm",
        "es": "dddd D [de] MMMM [a las] H:mm",
        "ar": "dddd D MMMM [الساعة] HH:mm",
        "it": "dddd D MMMM [alle] HH:mm",
        "pt": "dddd, D [de] MMMM, [às] HH:mm",
        "nl": "dddd D MMMM [om] HH:mm",
        "pl": "dddd, D MMMM, [godz.] HH:mm",
        "sv": "dddd D MMMM [kl.] HH:mm",
        "tr": "D MMMM dddd HH:mm",
        "ja": "M[月]D[日] HH:mm",
    },
    "clarify": {
        "en": "I am not sure what you mean. Is it one of these?",
        "de": "Ich bin nicht sicher, was Sie meinen. Geht es um eines davon?",
        "fr": "Je ne suis pas sûr d'avoir compris. S'agit-il de l'un de ces sujets ?",
        "es": "No estoy seguro de haberle entendido. ¿Se trata de alguno de estos temas?",
        "ar": "لست متأكدًا مما تقصده. هل هو أحد هذه المواضيع؟",
        "it": "Non sono sicuro di aver capito. Si tratta di uno di questi argomenti?",
        "pt": "Não tenho a certeza de ter compreendido. É sobre algum destes assuntos?",
        "nl": "Ik weet niet zeker of ik u begrijp. Gaat het over een van deze onderwerpen?",
        "pl": "Nie wiem, czy dobrze rozumiem. Czy chodzi o jeden z tych tematów?",
        "sv": "Jag är inte säker på vad du menar. Gäller det något av det här?",
        "tr": "Ne demek istediğinizden emin değilim. Konu bunlardan biri mi?",
        "ja": "ご用件を正しく理解できたか分かりません。次のいずれかについてでしょうか。",
    },
    "clarify_open": {
        "en": "I am not sure what you mean. Could you say it in other words?",
        "de": "Ich bin nicht sicher, was Sie meinen. Können Sie es anders sagen?",
        "fr": "Je ne suis pas sûr d'avoir compris. Pouvez-vous le dire autrement ?",
        "es": "No estoy seguro de haberle entendido. ¿Puede decirlo con otras palabras?",
        "ar": "لست متأكدًا مما تقصده. هل يمكنك قوله بكلمات أخرى؟",
        "it": "Non sono sicuro di aver capito. Può dirlo con altre parole?",
        "pt": "Não tenho a certeza de ter compreendido. Pode dizê-lo por outras palavras?",
        "nl": "Ik weet niet zeker of ik u begrijp. Kunt u het met andere woorden zeggen?",
        "pl": "Nie wiem, czy dobrze rozumiem. Czy można to ująć inaczej?",
        "sv": "Jag är inte säker på vad du menar. Kan du säga det med andra ord?",
        "tr": "Ne demek istediğinizden emin değilim. Başka sözcüklerle anlatabilir misiniz?",
        "ja": "ご用件を正しく理解できたか分かりません。別の言葉でお書きいただけますか。",
    },
    "fallback": {
        "en": "I do not have an answer to that. You can ask in other words, or ask for a person.",
        "de": "Darauf habe ich keine Antwort. Sie können es anders fragen oder nach einem Menschen "
        "fragen.",
        "fr": "Je n'ai pas de réponse à cela. Vous pouvez le demander autrement ou demander à "
        "parler à une personne.",
        "es": "No tengo una respuesta para eso. Puede preguntarlo de otra manera o pedir hablar "
        "con una persona.",
        "ar": "ليست لدي إجابة عن ذلك. يمكنك أن تسأل بكلمات أخرى أو أن تطلب التحدث إلى شخص.",
        "it": "Non ho una risposta a questo. Può chiederlo con altre parole o chiedere di parlare "
        "con una persona.",
        "pt": "Não tenho resposta para isso. Pode perguntar por outras palavras ou pedir para "
        "falar com uma pessoa.",
        "nl": "Daar heb ik geen antwoord op. U kunt het met andere woorden vragen of om een "
        "medewerker vragen.",
        "pl": "Nie mam na to odpowiedzi. Można zapytać innymi słowami albo poprosić o rozmowę z "
        "człowiekiem.",
        "sv": "Det har jag inget svar på. Du kan fråga med andra ord eller be att få prata med en "
        "person.",
        "tr": "Buna verecek bir yanıtım yok. Başka sözcüklerle sorabilir ya da bir kişiyle "
        "görüşmek isteyebilirsiniz.",
        "ja": "それについてはお答えできません。別の言葉でお尋ねいただくか、"
        "担当者をお呼びください。",
    },
    "person_button": {
        "en": "Talk to a person",
        "de": "Mit einem Menschen sprechen",
        "fr": "Parler à une personne",
        "es": "Hablar con una persona",
        "ar": "التحدث إلى شخص",
        "it": "Parlare con una persona",
        "pt": "Falar com uma pessoa",
        "nl": "Met een medewerker praten",
        "pl": "Rozmowa z człowiekiem",
        "sv": "Prata med en person",
        "tr": "Bir kişiyle görüşmek",
        "ja": "担当者と話す",
    },
}

EMAIL_TITLES: Mapping[str, str] = {
    "en": "e-mail address",
    "de": "E-Mail-Adresse",
    "fr": "adresse e-mail",
    "es": "correo electrónico",
    "ar": "عنوان البريد الإلكتروني",
    "it": "indirizzo e-mail",
    "pt": "endereço de e-mail",
    "nl": "e-mailadres",
    "pl": "adres e-mail",
    "sv": "e-postadress",
    "tr": "e-posta adresi",
    "ja": "メールアドレス",
}
"""Titles of the packaged slot ``email``, by language."""

MAIL_KINDS = (
    "mail_ask",
    "mail_sent",
    "mail_refused",
    "mail_wrong",
    "mail_proven",
    "mail_answered",
)
"""The texts around the e-mail address of a customer who may leave before the answer."""

OPTIONAL = frozenset({"matter", "ask", "in_line", "no_words", *MAIL_KINDS})
"""Kinds without which a language counts as complete: a hand-over names no matter then, what came
without words is handed over like anything else, and the others are in English."""

HARM_KINDS = ("handover_harm", "harm_told", "harm_alerted", "harm_closed", "harm_number")
"""The texts of a hand-over about harm. They exist in every language in which we know words of harm,
also where the bot answers nothing else."""

ALONE = frozenset({"not_served", "closed", "opening", *HARM_KINDS, *OPTIONAL})
"""Kinds that are said in a language also where it has no other text."""

EMERGENCY_NUMBERS: Mapping[str, str] = dict.fromkeys(
    ("de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr"), "112"
)
"""Language -> emergency number. 112 is that of the European Union (Directive (EU) 2018/1972,
Article 109) and of Turkey. English, Arabic and Japanese are spoken where other numbers hold."""

_PLACEHOLDERS: Mapping[str, tuple[str, ...]] = {
    "closed": ("when",),
    "matter": ("matter",),
    "ask": ("details",),
    **dict.fromkeys(("mail_sent", "mail_refused", "mail_proven", "mail_answered"), ("address",)),
    "handover_harm": ("number",),
    "harm_alerted": ("number",),
    "harm_closed": ("when", "number"),
}
_MISSING: Mapping[tuple[str, str], str] = {
    ("closed", "when"): "has no date; put {when} where the date belongs",
    ("matter", "matter"): "names no matter; put {matter} where it belongs",
    ("ask", "details"): "does not say what to tell; put {details} where it belongs",
    ("handover_harm", "number"): "has no emergency number; put {number} where it belongs",
}
_EXAMPLE = datetime(2026, 1, 5, 9)  # noqa: DTZ001  (a local time)


def missing_kinds(own: TextsByKind) -> dict[str, tuple[str, ...]]:
    """Each language of ``own`` whose texts wait for kinds that neither these nor the package have,
    and these kinds; English is said in their place."""
    texts = HandoverTexts(own)
    waiting = {code for kind in own.keys() - ALONE for code in own[kind]}
    lacking = {code: texts.missing(code) for code in sorted(waiting)}
    return {code: kinds for code, kinds in lacking.items() if kinds}


def text_problem(kind: str, language: str, text: str) -> str | None:
    """What is wrong with ``text`` as a text of ``kind``, and what to do; None if it is valid."""
    if kind == "opening":
        try:
            format_date(_EXAMPLE, text, language)
        except ValueError as error:
            return f"cannot format a date: {error}; use the tokens of Arrow's format"
        return None
    rest = text
    for name in _PLACEHOLDERS.get(kind, ()):
        placeholder = f"{{{name}}}"
        if placeholder not in text and (kind, name) in _MISSING:
            return _MISSING[kind, name]
        rest = rest.replace(placeholder, "", 1)
    return "has a brace without a meaning; remove it" if {"{", "}"} & set(rest) else None


class HandoverTexts:
    """The packaged texts, with those of the settings in place of some. ``numbers`` are the
    emergency numbers of the settings: language, country or ``default`` -> number."""

    def __init__(self, own: TextsByKind, numbers: Mapping[str, str] | None = None) -> None:
        self._texts = {kind: {**texts, **own.get(kind, {})} for kind, texts in TEXTS.items()}
        self._numbers = numbers or {}

    def supported(self, language: str) -> str:
        """``language`` if every text exists in it, but for the `OPTIONAL` ones and those about
        harm; else English."""
        return "en" if self.missing(language) else language

    def missing(self, language: str) -> tuple[str, ...]:
        """The kinds without which ``language`` is not used."""
        apart = {*OPTIONAL, *HARM_KINDS}
        return tuple(
            kind
            for kind, texts in self._texts.items()
            if kind not in apart and language not in texts
        )

    def supported_for_harm(self, language: str) -> str:
        """``language`` if every text about harm exists in it, else English."""
        complete = all(language in self._texts[kind] for kind in (*HARM_KINDS, "opening"))
        return language if complete else "en"

    def emergency_number(self, language: str, country: str | None) -> str | None:
        """The number of the customer's ``country`` (ISO 3166) if it is known and set, else that of
        the language; None where only "the local number" is right."""
        own = (self._numbers.get(key) for key in (country, language, "default") if key)
        return next(filter(None, own), EMERGENCY_NUMBERS.get(language))

    def supported_for(self, kind: str, language: str) -> str:
        """``language`` if the text of ``kind`` exists in it, else English."""
        return language if language in self._texts[kind] else "en"

    def has(self, kind: str, language: str) -> bool:
        return language in self._texts[kind]

    def text(self, kind: str, language: str, **values: str) -> str:
        """The text of ``kind``, with its placeholders filled in."""
        return self._texts[kind][language].format(**values)

    def date(self, opening: datetime, language: str) -> str:
        """The date and time of ``opening``, in its own time zone, as ``language`` writes them."""
        return format_date(opening.replace(tzinfo=None), self._texts["opening"][language], language)
