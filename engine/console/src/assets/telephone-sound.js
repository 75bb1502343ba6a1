// The telephone's sound, on the audio thread: the microphone in frames at the wire's rate, and the
// bot's audio with its marks, in order of arrival.
"use strict";

const FRAME_MS = 100;
// Cut-off of the low-pass filter before the rate is lowered, as a part of the lower rate.
const CUT_OFF = 0.45;
const TAPS = 63;

class Telephone extends AudioWorkletProcessor {
  constructor({ processorOptions: { rate } }) {
    super();
    this.rate = rate;
    this.step = sampleRate / rate;
    this.filter = lowPass(CUT_OFF / Math.max(1, this.step));
    this.heard = new Float32Array(TAPS);
    this.at = 0;
    this.due = 0;
    this.frame = new Int16Array(rate * FRAME_MS / 1000);
    this.filled = 0;
    this.queue = [];
    this.place = 0;
    this.last = 0;
    this.next = 0;
    this.between = 1;
    this.port.onmessage = ({ data }) => {
      if (data.clear) { this.queue = []; this.place = 0; } else this.queue.push(data);
    };
  }

  process([input], [output]) {
    const microphone = input[0], speaker = output[0];
    for (let nth = 0; nth < speaker.length; nth += 1) {
      this.hear(microphone ? microphone[nth] : 0);
      speaker[nth] = this.play();
    }
    return true;
  }

  hear(sample) {
    this.heard[this.at] = sample;
    this.at = (this.at + 1) % TAPS;
    this.due += 1;
    if (this.due < this.step) return;
    this.due -= this.step;
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap += 1) sum += this.filter[tap] * this.heard[(this.at + tap) % TAPS];
    this.frame[this.filled] = Math.max(-1, Math.min(1, sum)) * 32767;
    this.filled += 1;
    if (this.filled === this.frame.length) {
      this.port.postMessage({ frame: this.frame.slice() });
      this.filled = 0;
    }
  }

  // One sample, on the line between two of the wire's.
  play() {
    this.between += 1 / this.step;
    while (this.between >= 1) {
      this.between -= 1;
      this.last = this.next;
      this.next = this.taken();
    }
    return this.last + (this.next - this.last) * this.between;
  }

  taken() {
    for (;;) {
      const first = this.queue[0];
      if (!first) return 0;
      if (first.mark !== undefined) {
        this.port.postMessage({ mark: first.mark });
        this.queue.shift();
      } else if (this.place < first.samples.length) {
        this.place += 1;
        return first.samples[this.place - 1] / 32768;
      } else {
        this.queue.shift();
        this.place = 0;
      }
    }
  }
}

// A windowed sinc (Blackman) of this cut-off, as a part of the sample rate.
function lowPass(cutOff) {
  const middle = (TAPS - 1) / 2;
  const taps = Float32Array.from({ length: TAPS }, (_, tap) => {
    const x = tap - middle, turn = 2 * Math.PI * tap / (TAPS - 1);
    const sinc = x === 0 ? 2 * cutOff : Math.sin(2 * Math.PI * cutOff * x) / (Math.PI * x);
    return sinc * (0.42 - 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn));
  });
  const sum = taps.reduce((one, other) => one + other, 0);
  return taps.map((tap) => tap / sum);
}

registerProcessor("telephone", Telephone);
