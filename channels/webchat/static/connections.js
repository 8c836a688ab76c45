// Two connections to the server, with the same frames. Each returns {send, close} and calls
// opened() once it can be used, received(frame) for every frame, and closed(code) once at its end.

export function socketConnection(base, { opened, received, closed }) {
  const url = new URL("socket", base);
  url.protocol = url.protocol.replace("http", "ws");
  let socket;
  try {
    socket = new WebSocket(url);
  } catch {
    queueMicrotask(() => closed(0)); // forbidden by the page's policy
    return { send() {}, close() {} };
  }
  socket.onopen = opened;
  socket.onmessage = (event) => received(JSON.parse(event.data));
  socket.onclose = (event) => closed(event.code);
  return {
    send: (frame) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(frame)),
    close() {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    },
  };
}

export function pollConnection(base, { opened, received, closed, after, token }) {
  const stop = new AbortController();
  let last = Promise.resolve();

  const request = (path, init = {}) => {
    const headers = token() ? { Authorization: `Bearer ${token()}` } : {};
    return fetch(new URL(path, base), { ...init, headers, signal: stop.signal, cache: "no-store" });
  };
  const end = (code) => {
    if (stop.signal.aborted) return;
    stop.abort();
    closed(code);
  };

  async function post(frame) {
    const answer = await request("messages", { method: "POST", body: JSON.stringify(frame) });
    if (answer.status === 204) return;
    const body = await answer.json();
    if (answer.ok) {
      received(body);
      if (body.type === "ready") poll();
    } else {
      received({ type: "error", id: frame.id, ...body.error });
      if (answer.status === 401 || frame.type === "hello") end(answer.status);
    }
  }

  async function poll() {
    let live = false;
    try {
      while (!stop.signal.aborted) {
        const answer = await request(`messages?after=${after()}&wait=${live ? 25 : 0}`);
        if (!answer.ok) return end(answer.status);
        const { frames } = await answer.json();
        frames.forEach(received);
        if (!live && !frames.length) {
          live = true;
          received({ type: "live" });
        }
      }
    } catch {
      end(0);
    }
  }

  queueMicrotask(opened);
  return {
    // One request after the other keeps the order.
    send(frame) {
      if (frame.type !== "ping") last = last.then(() => post(frame)).catch(() => end(0));
    },
    close: () => stop.abort(),
  };
}
