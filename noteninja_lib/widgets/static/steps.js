const AHEAD = 0.15, HIDDEN = 1.5;   // seconds that strokes are scheduled ahead; a hidden page is woken once a second
const TICK = 25;                    // milliseconds between two looks at what is due
const CHOKED = { "open hat": "hat" };   // a stroke on the second ends the first

// Seconds from a step to the next, four to a beat: swing (0 to 1) puts off a beat's second half, up to a triplet's two thirds.
function gap(step, tempo, swing) {
  const half = 0.5 + swing / 6;
  return 60 / tempo * (step % 4 < 2 ? half : 1 - half) / 2;
}

// The steps that begin before a moment, with their times; the clock { step, time } goes on behind them.
function due(clock, until, steps, tempo, swing) {
  const found = [];
  while (clock.time < until) {
    found.push({ ...clock });
    clock.time += gap(clock.step, tempo, swing);
    clock.step = (clock.step + 1) % steps;
  }
  return found;
}

function render({ model, el }) {
  begin(el, "nn-steps");
  const drums = model.get("drums"), steps = model.get("pattern")[0].length;
  const tools = element("div", "tools", el), scroll = element("div", "scroll", el);
  const button = element("button", "jupyter-button mod-primary nn-loop", tools, "Play");
  element("span", "words", tools, "Click a step, or move with the arrow keys and press space.");
  const table = element("table", "", scroll);
  table.setAttribute("role", "grid");
  table.setAttribute("aria-label", "drum pattern");
  const columns = element("tr", "", element("thead", "", table)), body = element("tbody", "", table);
  element("td", "", columns);
  const beat = (step) => (step && step % 4 === 0 ? " beat" : "");
  const numbers = [...Array(steps).keys()].map((step) => element("th", beat(step), columns, step + 1));
  numbers.forEach((number) => { number.scope = "col"; });
  const grid = drums.map((drum, row) => {
    const line = element("tr", "", body);
    element("th", "", line, drum).scope = "row";
    return numbers.map((_, step) => {
      const one = element("button", "step", element("td", beat(step), line));
      one.type = "button";
      one.tabIndex = row || step ? -1 : 0;   // one stop for the tab key; arrow keys do the rest
      one.setAttribute("aria-label", `${drum}, step ${step + 1}`);
      one.addEventListener("click", () => toggle(row, step));
      one.addEventListener("keydown", (event) => walk(event, row, step));
      one.addEventListener("focus", () => {
        grid.flat().forEach((other) => { other.tabIndex = other === one ? 0 : -1; });
      });
      return one;
    });
  });

  function toggle(row, step) {
    const pattern = model.get("pattern").map((line) => [...line]);
    pattern[row][step] = pattern[row][step] === "X" ? "." : "X";
    save(model, { pattern: pattern.map((line) => line.join("")) });
  }

  function walk(event, row, step) {
    const to = { Home: [row, 0], End: [row, steps - 1] }[event.key]
      ?? (STEPS[event.key] && [row - STEPS[event.key][1], step + STEPS[event.key][0]]);
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    grid[within(to[0], 0, drums.length - 1)][within(to[1], 0, steps - 1)].focus();
  }

  function draw() {
    model.get("pattern").forEach((line, row) => grid[row].forEach((one, step) => {
      one.setAttribute("aria-pressed", line[step] === "X");
    }));
  }

  // ---- playing ----
  let context, volume, buffers = [], clock, timer = null, coming = [], sounding = new Set(), ringing = {};

  async function load() {
    const files = model.get("sounds").map((file) => file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));
    buffers = await Promise.all(files.map((file) => context.decodeAudioData(file)));
  }

  function loudness() {
    if (volume) volume.gain.value = 0.5 * 10 ** (model.get("gain") / 20);   // strokes that coincide are added up
  }

  function strike(row, time) {
    const source = new AudioBufferSourceNode(context, { buffer: buffers[row] });
    source.connect(volume);
    source.start(time);
    sounding.add(source);
    source.onended = () => sounding.delete(source);
    ringing[drums[row]] = source;
    for (const [drum, by] of Object.entries(CHOKED)) if (by === drums[row]) ringing[drum]?.stop(time);
  }

  function tick() {
    const now = context.currentTime;
    clock.time = Math.max(clock.time, now);   // where the page was held up, it goes on from here
    const found = due(clock, now + (document.hidden ? HIDDEN : AHEAD), steps, model.get("tempo"), model.get("swing"));
    const pattern = model.get("pattern");
    for (const { step, time } of found) pattern.forEach((line, row) => { if (line[step] === "X") strike(row, time); });
    coming.push(...found);
    while (coming.length && coming[0].time <= now - (context.outputLatency || 0)) light(coming.shift().step);
  }

  function light(step) {
    [numbers, ...grid].forEach((line) => line.forEach((one, other) => one.classList.toggle("now", other === step)));
  }

  async function play() {
    button.textContent = "Stop";
    timer = 0;   // it is on its way
    if (!context) {
      context = new AudioContext();
      volume = new GainNode(context);
      volume.connect(context.destination);
      loudness();
      await load();
    }
    await context.resume();
    if (timer === null) return;   // stopped meanwhile
    clock = { step: 0, time: context.currentTime + 0.05 };
    timer = setInterval(tick, TICK);
    tick();
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
    sounding.forEach((source) => source.stop());
    [coming, ringing] = [[], {}];
    light(-1);
  }

  button.type = "button";
  button.addEventListener("click", () => (timer === null ? play() : stop()));
  model.on("change:pattern", draw);
  model.on("change:gain", loudness);
  model.on("change:sounds", () => context && load());
  draw();
  return () => { stop(); context?.close(); };
}
export { gap, due };
export default { render };
