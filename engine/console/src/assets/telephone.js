// The browser telephone: asks for a call, and is Exotel's side of its stream, with `start`, frames,
// keys and marks.
"use strict";

const form = document.querySelector("#telephone");
if (form) telephone();

function telephone() {
  const status = form.querySelector("[data-status]"), page = form.querySelector("[data-page]"), transcript = document.querySelector("[data-transcript]");
  const [press, hangUp, mute] = ["call", "hang-up", "mute"].map((name) => form.querySelector(`[data-${name}]`));
  const keys = [...form.querySelectorAll("[data-key]")];
  const words = form.dataset, rate = Number(words.rate), scripts = new URL("static/", new URL(words.said, location).href.replace(/calls\/$/, ""));
  let end = null, said = null;

  const told = (text) => { status.textContent = text; };
  const is = (busy) => {
    const had = document.activeElement;
    press.disabled = busy;
    for (const button of [hangUp, ...keys]) button.disabled = !busy;
    // a button that goes takes the focus with it, and who has no mouse would begin at the top again
    if (had.disabled) (busy ? hangUp : press).focus();
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    is(true);
    told(words.ringing);
    try { await call(); } catch (error) { told(error.message); is(false); end?.(); }
  });
  hangUp.addEventListener("click", () => end?.());

  async function call() {
    const open = [];
    const close = () => open.splice(0).reverse().forEach((each) => each());
    end = close;
    let microphone;
    try {
      microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, channelCount: 1 } });
    } catch { throw new Error(words.noMicrophone); }
    open.push(() => microphone.getTracks().forEach((track) => track.stop()));
    const context = new AudioContext();
    open.push(() => context.close());
    await context.audioWorklet.addModule(new URL("telephone-sound.js", scripts));
    const sound = new AudioWorkletNode(context, "telephone", { processorOptions: { rate }, outputChannelCount: [1] });
    context.createMediaStreamSource(microphone).connect(sound).connect(context.destination);

    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const asked = await answer.json();
    if (!answer.ok) throw new Error([asked.detail, asked.hint].filter(Boolean).join(" – "));

    const socket = new WebSocket(new URL(asked.stream, location.href.replace(/^http/, "ws")));
    const send = (message) => { if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ ...message, stream_sid: asked.start.stream_sid })); };
    let sequence = 1, chunk = 0;
    // until the call is over, which it is after its socket: a transfer goes on
    said?.close();
    said = window.ghanti.follow(transcript, `${words.said}${asked.call_id}/stream`, () => {});
    page.href = `${words.said}${asked.call_id}`;
    page.hidden = true;
    open.push(() => { send({ event: "stop", sequence_number: `${sequence += 1}`, stop: { call_sid: asked.start.call_sid, account_sid: asked.start.account_sid, reason: "callended" } }); socket.close(); });
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ event: "connected" }));
      send({ event: "start", sequence_number: "1", start: asked.start });
      told(words.talking);
    });
    socket.addEventListener("close", () => { close(); told(words.over); page.hidden = false; is(false); end = null; });
    socket.addEventListener("message", ({ data }) => {
      const { event, media, mark } = JSON.parse(data);
      if (event === "media") sound.port.postMessage({ samples: samples(media.payload) });
      if (event === "mark") sound.port.postMessage({ mark: mark.name });
      if (event === "clear") sound.port.postMessage({ clear: true });
    });
    sound.port.onmessage = ({ data: { frame, mark } }) => {
      if (mark !== undefined) send({ event: "mark", sequence_number: `${sequence += 1}`, mark: { name: mark } });
      if (!frame) return;
      if (mute.checked) frame.fill(0);
      const timestamp = `${chunk * 1000 * frame.length / rate}`;
      chunk += 1;
      send({ event: "media", sequence_number: `${sequence += 1}`, media: { chunk: `${chunk}`, timestamp, payload: base64(frame) } });
    };
    const key = (digit) => send({ event: "dtmf", sequence_number: `${sequence += 1}`, dtmf: { digit, duration: "100" } });
    for (const button of keys) {
      const pressed = () => key(button.dataset.key);
      button.addEventListener("click", pressed);
      open.push(() => button.removeEventListener("click", pressed));
    }
    const typed = (event) => {
      if (/^[0-9*#]$/.test(event.key) && !event.target.matches("input, select")) key(event.key);
    };
    document.addEventListener("keydown", typed);
    open.push(() => document.removeEventListener("keydown", typed));
  }
}

// 16-bit samples, little-endian, in base64.
function samples(payload) {
  const bytes = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Int16Array.from({ length: bytes.length >> 1 }, (_, at) => view.getInt16(2 * at, true));
}
function base64(frame) {
  const view = new DataView(new ArrayBuffer(2 * frame.length));
  frame.forEach((sample, at) => view.setInt16(2 * at, sample, true));
  return btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
}
