// The widget's fixed address. The server fills in VERSION.
import "./assets/VERSION/chat.js";
