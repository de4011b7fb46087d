const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const QUARTER = 2, ROW = 1.1;   // em

const isBlack = (pitch) => [1, 3, 6, 8, 10].includes(pitch % 12);
const nameOf = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;

function render({ model, el }) {
  begin(el, "nn-roll");
  const scroll = element("div", "scroll", el), sheet = element("div", "sheet", scroll);
  element("div", "blank", sheet);
  const bars = element("div", "bars", sheet), keys = element("div", "keys", sheet), area = element("div", "area", sheet);
  area.tabIndex = 0;
  area.setAttribute("aria-label", "piano roll; Insert adds a note");
  element("div", "words", el, "Click to add a note, drag it to move it, drag its right edge to lengthen it, "
    + "double click or right click to remove it. Keys: arrows, Shift with left or right, Insert, Delete.");
  const twice = doubleClicks();
  let notes = [], drawn = [], chosen = -1, usual = 1;

  const length = () => model.get("bars") * model.get("bar");
  const rows = () => model.get("high") - model.get("low") + 1;
  const grid = () => model.get("grid");
  const snap = (quarters) => Math.floor(quarters / grid() + 1e-6) * grid();
  const quartersAt = (event) => place(event, area)[0] * length();
  const pitchAt = (event) => within(model.get("low") + Math.floor(place(event, area)[1] * rows()), model.get("low"), model.get("high"));

  function send() {
    const kept = notes[chosen];
    notes.sort((a, b) => a[0] - b[0] || a[2] - b[2]);
    chosen = notes.indexOf(kept);
    draw();
    save(model, { notes: notes.map((note) => [...note]) });
  }

  function change(number, start, duration, pitch) {
    duration = within(duration, grid(), length());
    notes[number] = [within(start, 0, length() - duration), duration, within(pitch, model.get("low"), model.get("high"))];
    usual = duration;
    draw();
  }

  function add(start, pitch) {
    const free = Math.min(usual, length() - start);
    notes.push([start, Math.max(free, grid()), pitch]);
    chosen = notes.length - 1;
    draw();
    return chosen;
  }

  function remove(number) {
    notes.splice(number, 1);
    chosen = -1;
    send();
  }

  function draw() {
    while (drawn.length > notes.length) drawn.pop().remove();
    while (drawn.length < notes.length) {
      drawn.push(element("div", "note", area));
      drawn.at(-1).tabIndex = 0;
      drawn.at(-1).setAttribute("role", "button");
    }
    notes.forEach(([start, duration, pitch], number) => {
      const note = drawn[number];
      note.style.left = `${QUARTER * start}em`;
      note.style.width = `${QUARTER * duration}em`;
      note.style.top = `${ROW * (model.get("high") - pitch)}em`;
      note.style.height = `${ROW}em`;
      note.classList.toggle("chosen", number === chosen);
      const bar = Math.floor(start / model.get("bar"));
      note.title = `${nameOf(pitch)}, bar ${bar + 1}`;
      note.setAttribute("aria-label", `${nameOf(pitch)} in bar ${bar + 1}, ${start - bar * model.get("bar")} quarters in, `
        + `${duration} quarters long`);
    });
  }

  function drawGrid() {
    area.replaceChildren();
    drawn = [];
    area.style.width = bars.style.width = `${QUARTER * length()}em`;
    area.style.height = `${ROW * rows()}em`;
    keys.replaceChildren();
    bars.replaceChildren();
    for (let pitch = model.get("high"); pitch >= model.get("low"); pitch--) {
      const key = element("div", isBlack(pitch) ? "black" : "", keys), row = element("div", isBlack(pitch) ? "row black" : "row", area);
      if (!isBlack(pitch)) element("span", "", key, nameOf(pitch));
      row.style.top = `${ROW * (model.get("high") - pitch)}em`;
      row.style.height = `${ROW}em`;
    }
    const bar = model.get("bar"), beat = model.get("beat"), on = (at, unit) => Math.abs(at / unit - Math.round(at / unit)) < 1e-6;
    for (let at = 0; at < length() - 1e-6; at += grid()) {
      const line = element("div", on(at, bar) ? "line bar" : on(at, beat) ? "line beat" : "line", area);
      line.style.left = `${QUARTER * at}em`;
    }
    for (let number = 0; number < model.get("bars"); number++) {
      element("span", "", bars, `${number + 1}`).style.left = `${QUARTER * bar * number}em`;
    }
    draw();
  }

  area.addEventListener("pointerdown", (event) => {
    let number = drawn.indexOf(event.target);
    if (event.button === 2 && number >= 0) return remove(number);
    if (event.button) return;
    if (number >= 0 && twice(number, event)) {
      event.preventDefault();
      return remove(number);
    }
    const fresh = number < 0, pressed = quartersAt(event);
    if (fresh) number = add(snap(pressed), pitchAt(event));
    chosen = number;
    const [start, duration] = notes[number], box = drawn[number].getBoundingClientRect();
    const edge = fresh || box.right - event.clientX < Math.min(10, 0.4 * box.width);
    draw();
    follow(area, event, (moved) => {
      const by = quartersAt(moved) - pressed;
      if (fresh && Math.abs(by) < grid() / 2) return;   // a trembling hand still makes a note of the usual length
      if (edge) change(number, start, fresh ? snap(by) + grid() : Math.round((duration + by) / grid()) * grid(), notes[number][2]);
      else change(number, Math.round((start + by) / grid()) * grid(), duration, pitchAt(moved));
    }, () => {
      send();
      drawn[chosen]?.focus({ preventScroll: true });
    });
  });
  area.addEventListener("contextmenu", (event) => event.preventDefault());
  area.addEventListener("focusin", (event) => {
    const number = drawn.indexOf(event.target);
    if (number >= 0 && number !== chosen) { chosen = number; draw(); }
  });
  area.addEventListener("keydown", (event) => {
    const step = STEPS[event.key], note = notes[chosen];
    if (step && note && event.shiftKey && step[0]) change(chosen, note[0], note[1] + step[0] * grid(), note[2]);
    else if (step && note) change(chosen, note[0] + step[0] * grid(), note[1], note[2] + step[1] * (event.shiftKey ? 12 : 1));
    else if ((event.key === "Delete" || event.key === "Backspace") && note) {
      notes.splice(chosen, 1);
      chosen = Math.min(chosen, notes.length - 1);
    } else if (event.key === "Insert" || event.key === "Enter") {
      const start = note ? note[0] + note[1] : 0;
      if (start >= length() - 1e-6) return;
      add(start, note ? note[2] : Math.round((model.get("low") + model.get("high")) / 2));
    } else return;
    event.preventDefault();
    event.stopPropagation();
    send();
    (drawn[chosen] || area).focus();
  });

  function load() {
    const same = JSON.stringify(model.get("notes")) === JSON.stringify(notes);
    if (same) return;
    notes = model.get("notes").map((note) => [...note]);
    chosen = -1;
    draw();
  }
  function show() {   // scroll to the music
    if (!notes.length) return;
    const top = Math.max(...notes.map((note) => note[2])), em = parseFloat(getComputedStyle(el).fontSize);
    scroll.scrollTo({ left: 0, top: Math.max(0, (model.get("high") - top - 3) * ROW * em) });
  }
  model.on("change:notes", load);
  model.on("change:bars change:bar change:beat change:low change:high change:grid", drawGrid);
  model.on("msg:custom", show);
  load();
  drawGrid();
  requestAnimationFrame(show);
}
export default { render };
