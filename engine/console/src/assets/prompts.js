// "Hear it": has a prompt spoken by the engine and plays it. Without this script the button opens the sound in a page of its own.
"use strict";

{
  const status = document.querySelector("[data-heard]");
  let context = null, playing = null;
  const say = (state, more = "") => {
    status.dataset.state = state;
    status.textContent = [status.dataset[state], more].filter(Boolean).join(" ");
  };
  const stop = () => {
    if (!playing) return;
    const { source, button } = playing;
    playing = null;
    button.removeAttribute("aria-pressed");
    source?.stop();
  };
  const hear = async (button, body) => {
    context ??= new AudioContext();
    const mine = { source: null, button, body };
    playing = mine;
    button.setAttribute("aria-pressed", "true");
    const label = button.value;
    say("speaking", label);
    const failed = (why) => {
      if (playing === mine) { stop(); say("failed", why); }
    };
    try {
      const answer = await fetch(button.formAction, {
        method: "POST",
        headers: { accept: "audio/wav, application/problem+json", "content-type": "application/x-www-form-urlencoded" },
        body,
      });
      if (!answer.ok) {
        const problem = await answer.json().catch(() => ({}));
        failed([problem.detail, problem.hint].filter(Boolean).join(" – "));
        return;
      }
      const sound = await context.decodeAudioData(await answer.arrayBuffer());
      // another button, or this one again, was pressed meanwhile
      if (playing !== mine) return;
      await context.resume();
      mine.source = context.createBufferSource();
      mine.source.buffer = sound;
      mine.source.connect(context.destination);
      mine.source.addEventListener("ended", () => {
        if (playing === mine) { stop(); say("heardIt", label); }
      });
      mine.source.start();
      say("playing", `${label} (${sound.duration.toFixed(1)} s)`);
    } catch (error) {
      failed(error.message);
    }
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-hear]");
    if (!button || !status) return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(button.form, button)).toString();
    // pressed again it stops, unless another text was typed meanwhile
    const again = playing?.button === button && playing.body === body;
    stop();
    if (again) say("heardIt", button.value); else hear(button, body);
  });
}
