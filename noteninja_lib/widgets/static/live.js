// Plays a sound while it is made: pieces arrive as flac and are set to start one at the end of the other.
const RATE = 44100;   // of the pieces, too, so that nothing is resampled piece by piece, which would be heard

export default () => {
  let context = null, waiting = Promise.resolve();
  let end = 0, made = 0, late = 0;   // samples: where the next piece goes, how many there are, what was waited
  let song = 0, ended = false, before = "";
  const views = new Set();

  const position = () => context ? Math.max(0, Math.min(made, context.currentTime * RATE - late) / RATE) : 0;
  const silent = () => !context || context.currentTime * RATE >= end;

  function stop() {
    if (context) context.close();
    context = null;
    draw();
  }

  function start(seconds) {
    stop();
    context = new AudioContext({ sampleRate: RATE });   // allowed to sound, since a button was pressed
    [song, end, made, late, ended, before] = [seconds, 0, 0, 0, false, result()?.src];
    draw();
  }

  async function add(mine, bytes) {
    if (!mine || mine !== context) return;
    const sound = await mine.decodeAudioData(bytes);
    if (mine !== context) return;   // stopped meanwhile
    const soonest = Math.ceil((context.currentTime + 0.1) * RATE);
    if (end < soonest) {   // the first piece, or one that came too late
      end = soonest;
      late = end - made;
    }
    const source = context.createBufferSource();
    source.buffer = sound;
    source.connect(context.destination);
    source.start(end / RATE);
    end += sound.length;
    made += sound.length;
    draw();
  }

  // The player of the finished result beside one of the views, if there is one.
  function result() {
    for (const { el } of views) {
      const found = el.closest(".nn-converter")?.querySelector(".nn-audio-after");
      if (found) return found;
    }
    return null;
  }

  // The finished result goes on where this sound is now.
  async function finish(mine) {
    if (mine !== context) return;
    ended = true;
    const player = result();
    for (let n = 0; n < 100 && mine && player && (player.src === before || !(player.duration > 0)); n++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    if (!mine || mine !== context) return;
    if (!player || !(player.duration > 0)) return;   // nothing to go over to: this plays to its end
    const goOn = new CustomEvent("nn-go-on", { bubbles: true, detail: Math.min(position(), player.duration) });
    if (mine.state === "running") player.dispatchEvent(goOn);   // to static/compare.js
    stop();
  }

  function draw() {
    const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
    for (const { el, button, words } of views) {
      el.style.display = context ? "" : "none";
      el.dataset.made = context ? made : 0;
      el.dataset.position = position();
      if (!context) continue;
      button.textContent = context.state === "running" ? "Pause" : "Play";
      const where = made ? `${clock(position())} of ${clock(song)}` : "the first sound comes in a moment";
      words.textContent = made && silent() && !ended ? `${where}: waiting for what comes next` : where;
    }
  }

  return {
    initialize({ model }) {
      model.on("msg:custom", (message, buffers = []) => {
        if (message.what === "start") start(message.seconds);
        if (message.what === "stop") stop();
        const mine = context, bytes = buffers.map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice().buffer);
        waiting = waiting.then(async () => {
          if (message.what === "add") await add(mine, bytes[0]);
          if (message.what === "finish") finish(mine);
        }).catch(console.error);
      });
      const clockwork = setInterval(draw, 250);
      return () => { clearInterval(clockwork); stop(); };
    },
    render({ el }) {
      el.classList.add("nn-live");
      const button = document.createElement("button"), words = document.createElement("span");
      button.type = "button";
      button.className = "jupyter-button widget-button";
      button.addEventListener("click", async () => {
        await (context?.state === "running" ? context.suspend() : context?.resume());
        draw();
      });
      el.append(button, words);
      const view = { el, button, words };
      views.add(view);
      draw();
      return () => views.delete(view);
    },
  };
};
