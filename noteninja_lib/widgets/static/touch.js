// What Pad, Curve and PianoRoll share: places in an area, and dragging with mouse, finger or pen.
const AGAIN = 400;   // milliseconds within which a second press at the same thing is a double click,
const NEAR = 8;      // and pixels

function element(kind, classes, parent, text) {
  const made = document.createElement(kind);
  made.className = classes;
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

// Our own arrow keys and Delete must not also move between the cells of a notebook.
function begin(el, kind) {
  el.classList.add("nn-touch", kind);
  el.dataset.lmSuppressShortcuts = "true";
}

const within = (value, low, high) => Math.min(Math.max(value, low), high);

// Where a pointer is: right and up, both 0 to 1.
function place(event, area) {
  const box = area.getBoundingClientRect();
  return [within((event.clientX - box.left) / box.width, 0, 1), within((box.bottom - event.clientY) / box.height, 0, 1)];
}

// Follow a pressed pointer; the area captures it, so what is drawn inside may be drawn anew meanwhile.
function follow(area, event, move, end = () => {}) {
  event.preventDefault();
  area.setPointerCapture(event.pointerId);
  const moved = (other) => { if (other.pointerId === event.pointerId) move(other); };
  const ended = (other) => {
    if (other.pointerId !== event.pointerId) return;
    area.removeEventListener("pointermove", moved);
    area.removeEventListener("pointerup", ended);
    area.removeEventListener("pointercancel", ended);
    end(other);
  };
  area.addEventListener("pointermove", moved);
  area.addEventListener("pointerup", ended);
  area.addEventListener("pointercancel", ended);
}

// Tells whether a press is the second at the same thing and place; also for fingers, which not every browser double-clicks for.
function doubleClicks() {
  let last = null;
  return (key, event) => {
    const twice = last && last.key === key && event.timeStamp - last.at < AGAIN
      && Math.hypot(event.clientX - last.x, event.clientY - last.y) < NEAR;
    last = twice ? null : { key, at: event.timeStamp, x: event.clientX, y: event.clientY };
    return twice;
  };
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function save(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}
