// Records a microphone as PCM and sends it to Python part by part, since one large message would not arrive.
const PART = 16384;   // samples sent at once
const SHORT = 0.02, LOUD = 0.25;   // a click of the metronome: seconds, and its level
const CATCH = `registerProcessor("nn-catch", class extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) this.port.postMessage({ samples: samples.slice(), time: currentTime });
    return true;
  }
});`;
const REFUSED = {
  NotAllowedError: "The microphone was refused: allow it in the browser's address bar and press Record again, or upload a recording.",
  NotFoundError: "No microphone was found: plug one in and press Record again, or upload a recording.",
  NotReadableError: "Another program has the microphone: close it and press Record again, or upload a recording.",
};
const NOWHERE = "This page may not use a microphone, which needs https or localhost: upload a recording instead.";

function render({ model, el }) {
  begin(el, "nn-recorder");
  const tools = element("div", "tools", el);
  const button = (name, words, press) => {
    const made = element("button", `jupyter-button widget-button nn-${name}`, tools, words);
    made.type = "button";
    made.addEventListener("click", press);
    return made;
  };
  const record = button("record", "● Record", () => (context ? end() : start()));
  const listen = button("listen", "▶ Listen", play);
  const level = element("div", "level", tools), bar = element("div", "", level);
  for (const [name, value] of Object.entries({ role: "meter", "aria-label": "level", "aria-valuenow": 0, "aria-valuemin": 0, "aria-valuemax": 100 }))
    level.setAttribute(name, value);
  const clock = element("span", "clock", tools, "0:00");
  const label = (words, kind) => {
    const around = element("label", "", tools, `${words} `), made = element(kind, "", around);
    return made;
  };
  const metronome = label("metronome", "input"), tempo = label("beats a minute", "input"), metre = label("metre", "select");
  metronome.type = "checkbox";
  Object.assign(tempo, { type: "number", min: 40, max: 208, step: 1 });
  for (const one of ["4/4", "3/4"]) element("option", "", metre, one);
  const words = element("div", "words", el);
  words.setAttribute("role", "status");

  let context = null, stream = null, sound = null, node = null, listening = null;
  let parts = [], waiting = [], count = 0, from = 0, first = null, beats = [];   // of this recording

  const say = (sentence, problem = false) => {
    words.textContent = sentence;
    words.classList.toggle("problem", problem);
    if (problem) save(model, { problem: sentence });
  };

  function draw() {
    metronome.checked = model.get("metronome");
    [tempo.value, metre.value] = [model.get("tempo"), model.get("metre")];
    for (const one of [metronome, tempo, metre]) one.disabled = !!context;
    record.textContent = context ? "■ Stop" : parts.length ? "● Again" : "● Record";
    record.setAttribute("aria-pressed", !!context);
    listen.disabled = !!context || !parts.length;
    listen.textContent = listening ? "■ Stop listening" : "▶ Listen";
    el.dataset.state = context ? "recording" : parts.length ? "done" : "empty";
  }

  function click(time, strong) {
    const tone = new OscillatorNode(context, { frequency: strong ? 1600 : 1100 }), gain = new GainNode(context, { gain: LOUD });
    gain.gain.setValueAtTime(LOUD, time);
    gain.gain.linearRampToValueAtTime(0, time + SHORT);
    tone.connect(gain).connect(context.destination);
    tone.start(time);
    tone.stop(time + SHORT);
  }

  async function start() {
    listening?.stop();
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) return say(NOWHERE, true);
    record.disabled = true;
    try {   // what a browser does for speech eats a hum
      const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
      stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
      context = new AudioContext();
      const code = URL.createObjectURL(new Blob([CATCH], { type: "text/javascript" }));
      await context.audioWorklet.addModule(code);
      URL.revokeObjectURL(code);
      await context.resume();
    } catch (error) {
      release();
      return say(REFUSED[error.name] || `The microphone can't be used (${error.message}): upload a recording instead.`, true);
    } finally {
      record.disabled = false;
    }
    [parts, waiting, count, first, beats] = [[], [], 0, null, []];
    from = context.currentTime + 0.1;
    if (model.get("metronome")) {
      const step = 60 / model.get("tempo"), bar = parseInt(model.get("metre"));
      const all = bar + Math.ceil(model.get("limit") / step);
      for (let beat = 0; beat < all; beat++) click(from + beat * step, beat % bar === 0);
      beats = Array.from({ length: all - bar }, (_, beat) => from + (bar + beat) * step);
      from += (bar - 0.5) * step;   // who comes in early is heard
    }
    save(model, { problem: "" });
    model.send({ what: "begin", rate: context.sampleRate });
    node = new AudioWorkletNode(context, "nn-catch", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => keep(data.samples, data.time);
    context.createMediaStreamSource(stream).connect(node);
    stream.getTracks()[0].addEventListener("ended", end);
    say(beats.length ? "Count-in: begin after one bar. Headphones keep the clicks out of the recording." : "Recording.");
    draw();
  }

  function keep(samples, time) {
    if (!context) return;
    const loudest = samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
    const shown = Math.max(0, Math.min(1, 1 + Math.log10(loudest + 1e-6) / 2.5));   // 0 to -50 dB
    bar.style.width = `${100 * Math.max(shown, 0.9 * (parseFloat(bar.style.width) || 0) / 100)}%`;
    level.setAttribute("aria-valuenow", Math.round(100 * shown));
    if (time < from) return;
    if (first === null) {
      first = time;
      if (beats.length) say("Recording.");
    }
    waiting.push(Int16Array.from(samples, (one) => Math.max(-32768, Math.min(32767, Math.round(32767 * one)))));
    count += samples.length;
    const now = count / context.sampleRate;
    clock.textContent = `${Math.floor(now / 60)}:${String(Math.floor(now % 60)).padStart(2, "0")}`;
    if (waiting.length * samples.length >= PART) send();
    if (now >= model.get("limit")) end();
  }

  function send() {
    const size = waiting.reduce((sum, one) => sum + one.length, 0), joined = new Int16Array(size);
    let at = 0;
    for (const one of waiting) { joined.set(one, at); at += one.length; }
    waiting = [];
    if (!size) return;
    parts.push(joined);
    model.send({ what: "part" }, undefined, [joined.buffer.slice(0)]);
  }

  function release() {
    stream?.getTracks().forEach((track) => track.stop());
    context?.close();
    [stream, context, node] = [null, null, null];
    bar.style.width = "0";
    draw();
  }

  function end() {
    if (!context) return;
    send();
    const rate = context.sampleRate;
    sound = { rate };
    model.send({ what: "end", samples: count, beats: first === null ? [] : beats.map((beat) => beat - first).filter((beat) => beat < count / rate) });
    release();
    say(count ? `${(count / rate).toFixed(1)} s were recorded.` : "Nothing was recorded yet.");
  }

  function play() {
    if (listening) return listening.stop();
    const own = new AudioContext(), size = parts.reduce((sum, one) => sum + one.length, 0);
    const buffer = own.createBuffer(1, size, sound.rate), samples = buffer.getChannelData(0);
    let at = 0;
    for (const part of parts) for (const one of part) samples[at++] = one / 32768;
    listening = new AudioBufferSourceNode(own, { buffer });
    listening.connect(own.destination);
    listening.onended = () => { listening = null; own.close(); draw(); };
    listening.start();
    draw();
  }

  metronome.addEventListener("change", () => save(model, { metronome: metronome.checked }));
  metre.addEventListener("change", () => save(model, { metre: metre.value }));
  tempo.addEventListener("change", () => {
    save(model, { tempo: Math.round(within(Number(tempo.value) || 90, 40, 208)) });
    draw();
  });
  model.on("change:metronome change:tempo change:metre", draw);
  draw();
  return () => { listening?.stop(); end(); };
}
export default { render };
