// The widget's own texts: English, and how a page loads those of its language.

const en = {
  title: "Chat with us",
  open: "Open the chat",
  close: "Close the chat",
  unread: "New messages: {n}",
  hello: "Hello. How can we help?",
  intro: "Our automated assistant answers first. A person can take over at any time.",
  bot: "Assistant",
  automated: "Automated",
  team: "Support team",
  you: "You",
  withBot: "Automated assistant",
  withPerson: "You are talking with {name}",
  joined: "{name} has joined the conversation",
  log: "Conversation",
  write: "Write a message",
  hint: "Press Enter to send, Shift+Enter for a new line.",
  send: "Send",
  attach: "Attach a file",
  remove: "Remove {name}",
  download: "Download {name}",
  uploading: "Uploading",
  sending: "Sending",
  waiting: "Waiting for a connection",
  sent: "Sent",
  seen: "Seen",
  failed: "Not sent",
  again: "Try again",
  offline: "You are offline. Your messages will be sent when you are back online.",
  connecting: "Reconnecting…",
  refused: "Your sign-in has expired. Please reload this page.",
  typing: "{name} is typing",
  choices: "Suggested answers",
  rating: "Your rating",
  stars: "{n} of 5",
  rate: "Send rating",
  tooLarge: "{name} is too large. The maximum is {size}.",
  wrongType: "{name} is not a supported file type.",
  uploadFailed: "{name} could not be uploaded.",
  newTab: "opens in a new tab",
  today: "Today",
  yesterday: "Yesterday",
  more: "More",
  newChat: "New conversation",
  saveTranscript: "Save as a file",
  mailTranscript: "Send by e-mail",
  mailed: "The conversation is on its way to {to}.",
  noAddress: "There is no confirmed e-mail address in this chat. You can save it as a file.",
  tooMany: "That was often. Please try again later.",
  begun: "This is a new conversation.",
  stillOpen: "A person in our team has your earlier request. What you write here reaches them too.",
  earlier: "Show earlier messages",
  starters: "Questions to begin with",
};

// Beside English; texts-CODE.js has them. A page loads those of one language.
const OTHERS = ["ar", "de", "es", "fr", "it", "ja", "nl", "pl", "pt", "sv", "tr"];

async function load(code) {
  try {
    return (await import(`./texts-${code}.js`)).default;
  } catch {
    return null; // the connection broke: better English than no chat
  }
}

// Texts, writing direction and date formats of a language; English for an unknown one. `language` is
// what the customer reads, `lang` the language of the texts: English where those did not arrive.
export async function textsFor(tag) {
  const code = String(tag || "en").toLowerCase().split("-")[0];
  const loaded = OTHERS.includes(code) ? await load(code) : null;
  const known = loaded !== null || code === "en";
  const lang = known ? code : "en";
  const locale = known ? tag : "en";
  const texts = loaded ?? en;
  const clock = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const date = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
  return {
    lang,
    language: OTHERS.includes(code) ? code : "en",
    dir: lang === "ar" ? "rtl" : "ltr",
    say: (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]),
    time: (at) => clock.format(new Date(at)),
    moment: (at) => moment.format(new Date(at)),
    day(at) {
      const days = (Date.parse(new Date().toDateString()) - Date.parse(new Date(at).toDateString())) / 864e5;
      return Math.round(days) === 0 ? texts.today : Math.round(days) === 1 ? texts.yesterday : date.format(new Date(at));
    },
    size(bytes) {
      const [unit, value] = bytes < 1e6 ? ["kilobyte", bytes / 1e3] : ["megabyte", bytes / 1e6];
      const style = { style: "unit", unit, maximumFractionDigits: value < 10 ? 1 : 0 };
      return new Intl.NumberFormat(locale, style).format(value);
    },
  };
}
