// The fixed address of the widget. VERSION is filled in when this is served.
import "./assets/VERSION/chat.js";
