// Two ways to the server that speak the same frames. Each gives {send, close} and calls
// up() once it can be used, frame(f) for every frame, down(code) once when it ends.

export function socketLine(base, { up, frame, down }) {
  const url = new URL("socket", base);
  url.protocol = url.protocol.replace("http", "ws");
  let socket;
  try {
    socket = new WebSocket(url);
  } catch {
    queueMicrotask(() => down(0)); // forbidden by the page's policy
    return { send() {}, close() {} };
  }
  socket.onopen = up;
  socket.onmessage = (event) => frame(JSON.parse(event.data));
  socket.onclose = (event) => down(event.code);
  return {
    send: (one) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(one)),
    close() {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    },
  };
}

export function pollLine(base, { up, frame, down, after, token }) {
  const stop = new AbortController();
  let last = Promise.resolve();

  const ask = (path, init = {}) => {
    const headers = token() ? { Authorization: `Bearer ${token()}` } : {};
    return fetch(new URL(path, base), { ...init, headers, signal: stop.signal, cache: "no-store" });
  };
  const end = (code) => {
    if (stop.signal.aborted) return;
    stop.abort();
    down(code);
  };

  async function post(one) {
    const answer = await ask("messages", { method: "POST", body: JSON.stringify(one) });
    if (answer.status === 204) return;
    const body = await answer.json();
    if (answer.ok) {
      frame(body);
      if (body.type === "ready") listen();
    } else {
      frame({ type: "error", id: one.id, ...body.error });
      if (answer.status === 401 || one.type === "hello") end(answer.status);
    }
  }

  async function listen() {
    let live = false;
    try {
      while (!stop.signal.aborted) {
        const answer = await ask(`messages?after=${after()}&wait=${live ? 25 : 0}`);
        if (!answer.ok) return end(answer.status);
        const { frames } = await answer.json();
        frames.forEach(frame);
        if (!live && !frames.length) {
          live = true;
          frame({ type: "live" });
        }
      }
    } catch {
      end(0);
    }
  }

  queueMicrotask(up);
  return {
    // One after the other, so that order holds.
    send(one) {
      if (one.type !== "ping") last = last.then(() => post(one)).catch(() => end(0));
    },
    close: () => stop.abort(),
  };
}
