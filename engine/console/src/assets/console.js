// What pages do beyond HTML: parts that change by server-sent events, a recording beside its
// transcript, copying, and keys. Pages can be read without it.
"use strict";

// Makes `old` like `fresh` where they differ alone, so that focus, selection and what a screen reader
// has read stay.
function morph(old, fresh) {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  within(old, fresh);
}
function within(old, fresh) {
  const now = [...old.childNodes], then = [...fresh.childNodes];
  then.forEach((node, at) => {
    const known = now[at];
    if (!known) old.append(node);
    else if (known.nodeType !== node.nodeType || known.nodeName !== node.nodeName) known.replaceWith(node);
    else if (node.nodeType === Node.ELEMENT_NODE) morph(known, node);
    else if (known.nodeValue !== node.nodeValue) known.nodeValue = node.nodeValue;
  });
  now.slice(then.length).forEach((node) => node.remove());
}

function follow(part, url, ended) {
  const connection = document.querySelector("[data-connection]");
  const told = (is) => {
    if (!connection) return;
    connection.className = `connection ${is}`;
    connection.textContent = connection.dataset[is];
  };
  const source = new EventSource(url);
  source.addEventListener("open", () => told("on"));
  source.addEventListener("error", () => told("off"));
  source.addEventListener("part", ({ data }) => within(part, new DOMParser().parseFromString(data, "text/html").body));
  source.addEventListener("ended", () => { source.close(); ended(); });
  return source;
}
window.ghanti = { follow };

for (const part of document.querySelectorAll("[data-stream]")) follow(part, part.dataset.stream, () => location.reload());

async function player(player) {
  const audio = player.querySelector("audio"), picture = player.querySelector("[data-waveform]");
  const first = document.querySelector("[data-player]") === player;
  const lines = first ? [...document.querySelectorAll("[data-from]")] : [];
  let head = null, width = 0;
  const show = () => {
    const at = audio.currentTime * 1000;
    if (head && audio.duration) for (const end of ["x1", "x2"]) head.setAttribute(end, audio.currentTime / audio.duration * width);
    for (const line of lines) {
      const is = !audio.paused && at >= line.dataset.from && at < line.dataset.until;
      if (line.classList.toggle("playing", is)) line.setAttribute("aria-current", "true"); else line.removeAttribute("aria-current");
    }
  };
  const drawn = () => { show(); if (!audio.paused) requestAnimationFrame(drawn); };
  audio.addEventListener("play", drawn);
  for (const event of ["pause", "seeked", "timeupdate"]) audio.addEventListener(event, show);
  for (const line of lines) line.querySelector("[data-hear]")?.addEventListener("click", () => {
    audio.currentTime = line.dataset.from / 1000;
    audio.play();
  });
  const answer = await fetch(picture.dataset.waveform);
  if (!answer.ok) { picture.textContent = ""; return; }
  const svg = new DOMParser().parseFromString(await answer.text(), "image/svg+xml").documentElement;
  picture.replaceChildren(svg);
  head = svg.querySelector(".playhead");
  width = svg.viewBox.baseVal.width;
  svg.addEventListener("click", (event) => {
    const { left, width } = svg.getBoundingClientRect();
    if (!audio.duration) return;
    audio.currentTime = (event.clientX - left) / width * audio.duration;
    audio.play();
  });
  show();
}
document.querySelectorAll("[data-player]").forEach(player);

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.previousElementSibling.textContent);
  const was = button.textContent;
  button.textContent = button.dataset.done;
  setTimeout(() => { button.textContent = was; }, 2000);
});
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
  // what is empty is not asked for
  if (event.target.method === "get") for (const field of event.target.elements) if (field.value === "") field.disabled = true;
});
document.addEventListener("keydown", (event) => {
  const search = document.querySelector("[data-search]");
  if (event.key !== "/" || !search || event.target.matches("input, select, textarea")) return;
  event.preventDefault();
  search.focus();
});
