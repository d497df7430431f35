// Opens the e-prescription socket, sends three steps and shows the answers.
(() => {
  const button = document.getElementById("card-try");
  const log = document.getElementById("card-log");
  if (!button || !log) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    button.disabled = true;
    log.textContent = "";
    const steps = ["registerEGK", "sendAPDU", "eRezeptTokens"];
    const address = new URL("/cardlink", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    const session = crypto.getRandomValues(new Uint32Array(1))[0].toString(16);
    const send = (i) => socket.send(JSON.stringify({ type: steps[i], correlationId: session }));
    const say = (text) => { log.append(Object.assign(document.createElement("li"), { textContent: text })); };
    socket.onopen = () => send(0);
    socket.onmessage = (event) => {
      const { seq, type } = JSON.parse(event.data);
      say(`${seq} · ${type} ✓`);
      if (seq < steps.length) send(seq);
      else socket.close(1000);
    };
    socket.onerror = () => say("✗");
    socket.onclose = () => { button.disabled = false; };
  });
})();
