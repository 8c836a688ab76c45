// Starts telegram-test-api, an emulator of the Bot API, on the port in the first argument.
import TelegramServer from "telegram-test-api";

const port = Number(process.argv[2]);
const server = new TelegramServer({ port, host: "127.0.0.1" });
await server.start();
console.log("ready");
