const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const QUARTER = 2, ROW = 1.1;   // em

const isBlack = (pitch) => [1, 3, 6, 8, 10].includes(pitch % 12);
const nameOf = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;

function render({ model, el }) {
  begin(el, "nn-roll");
  const scroll = element("div", "scroll", el), sheet = element("div", "sheet", scroll);
  element("div", "blank", sheet);
  const bars = element("div", "bars", sheet);
  const corner = element("div", "corner", sheet, "chords"), lane = element("div", "chords", sheet);
  const keys = element("div", "keys", sheet), area = element("div", "area", sheet), cursor = element("div", "cursor");
  area.tabIndex = 0;
  area.setAttribute("role", "group");
  area.setAttribute("aria-label", "piano roll; Insert adds a note");
  element("div", "words", el, "Click to add a note, drag it to move it, drag its right edge to lengthen it, "
    + "double click or right click to remove it. Keys: arrows, Shift with left or right, Insert, Delete.");
  const more = element("div", "words", el, "Dashed: doubtful. Click a bar's number to hear the recording there, drag it to move the bar lines "
    + "by beats. Click a chord to write another.");
  const audio = new Audio();
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
      note.classList.toggle("doubtful", isDoubtful(start, pitch));
      const bar = Math.floor(start / model.get("bar"));
      note.title = `${nameOf(pitch)}, bar ${bar + 1}`;
      note.setAttribute("aria-label", `${nameOf(pitch)} in bar ${bar + 1}, ${start - bar * model.get("bar")} quarters in, `
        + `${duration} quarters long`);
    });
  }

  const isDoubtful = (start, what) => model.get("doubts").some((one) => one[0] === start && one[1] === what);

  // What was heard: chords above the notes, and the recording, which plays where a bar's number is pressed.
  function drawChords() {
    const chords = model.get("chords");
    for (const part of [corner, lane, more]) part.hidden = !chords.length;
    lane.style.width = `${QUARTER * length()}em`;
    lane.replaceChildren();
    chords.forEach(([start, duration, name], number) => {
      const chord = element("button", "chord", lane, name);
      chord.classList.toggle("doubtful", isDoubtful(start, -1));
      chord.setAttribute("aria-label", `chord ${name} in bar ${Math.floor(start / model.get("bar")) + 1}: press to write another`);
      chord.style.left = `${QUARTER * start}em`;
      chord.style.width = `${QUARTER * duration}em`;
      chord.addEventListener("click", () => writeChord(chord, number, name));
    });
  }

  function writeChord(chord, number, name) {
    const field = element("input", "chord");
    field.value = name;
    field.style.left = chord.style.left;
    field.setAttribute("aria-label", "chord, such as Am7");
    const done = (value) => {
      field.onblur = null;
      field.replaceWith(chord);
      chord.focus();
      if (value && value !== name) model.send({ chord: number, name: value });
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") done(field.value.trim());
      if (event.key === "Escape") done("");
    });
    field.onblur = () => done(field.value.trim());
    chord.replaceWith(field);
    field.select();
  }

  const beats = () => model.get("moments");
  function secondsAt(quarters) {
    const at = within(quarters / model.get("beat"), 0, beats().length - 1), whole = Math.min(Math.floor(at), beats().length - 2);
    return beats()[whole] + (at - whole) * (beats()[whole + 1] - beats()[whole]);
  }

  function playFrom(quarters) {
    if (!audio.paused) return audio.pause();
    if (!audio.src || beats().length < 2) return;
    audio.currentTime = Math.max(0, secondsAt(quarters));
    audio.play();
  }

  function followSound() {
    if (audio.paused) return cursor.remove();
    const next = Math.max(1, beats().findIndex((second) => second > audio.currentTime));
    const share = (audio.currentTime - beats()[next - 1]) / (beats()[next] - beats()[next - 1]);
    cursor.style.left = `${QUARTER * model.get("beat") * (next - 1 + share)}em`;
    area.append(cursor);
    requestAnimationFrame(followSound);
  }
  audio.addEventListener("play", followSound);

  function setSound() {
    const sound = model.get("sound");
    audio.pause();
    if (audio.src) URL.revokeObjectURL(audio.src);
    if (sound && sound.byteLength) audio.src = URL.createObjectURL(new Blob([sound], { type: "audio/mpeg" }));
    else audio.removeAttribute("src");
  }

  function barNumber(number) {
    const mark = element("button", "bar", bars, `${number + 1}`), at = model.get("bar") * number;
    mark.style.left = `${QUARTER * at}em`;
    if (!beats().length) { mark.disabled = true; return; }
    mark.setAttribute("aria-label", `bar ${number + 1}: hear the recording here; Shift and arrows move the bar lines`);
    const move = (shift) => { if (shift) model.send({ shift }); };
    mark.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (!step || !step[0] || !event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      move(step[0]);
    });
    mark.addEventListener("click", (event) => { if (event.detail === 0) playFrom(at); });   // by a key
    mark.addEventListener("pointerdown", (event) => {
      const shiftOf = (now) => Math.round((now.clientX - event.clientX) / (QUARTER * model.get("beat") * parseFloat(getComputedStyle(el).fontSize)));
      follow(mark, event, (moved) => { mark.style.left = `${QUARTER * (at + shiftOf(moved) * model.get("beat"))}em`; }, (ended) => {
        mark.style.left = `${QUARTER * at}em`;
        if (shiftOf(ended)) move(shiftOf(ended));
        else playFrom(at);
      });
    });
  }

  function drawGrid() {
    drawChords();
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
      barNumber(number);
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
  model.on("change:bars change:bar change:beat change:low change:high change:grid change:moments change:chords", drawGrid);
  model.on("change:doubts", draw);
  model.on("change:sound", setSound);
  model.on("msg:custom", show);
  load();
  setSound();
  drawGrid();
  requestAnimationFrame(show);
  return () => audio.pause();
}
export default { render };
