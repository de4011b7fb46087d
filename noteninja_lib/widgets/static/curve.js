function render({ model, el }) {
  begin(el, "nn-curve");
  el.classList.toggle("second", model.get("second"));
  const area = element("div", "area", el), foot = element("div", "foot words", el);
  area.innerHTML = '<svg viewBox="0 0 100 100" preserveAspectRatio="none"><polyline/></svg>';
  const line = area.querySelector("polyline");
  const sides = ["side top words", "side low words", "side name"].map((where) => element("div", where, area));
  const ends = [0, 1].map(() => element("span", "", foot));
  const twice = doubleClicks();
  let points = [], dots = [];

  const height = (value) => (value - model.get("low")) / (model.get("high") - model.get("low"));
  const value = (up) => model.get("low") + up * (model.get("high") - model.get("low"));
  const send = () => save(model, { points: points.map((point) => [...point]) });

  // A point stays between its neighbours; the first and the last stay at the ends.
  function move(number, at, up) {
    const low = number ? points[number - 1][0] + 0.01 : 0, high = number < points.length - 1 ? points[number + 1][0] - 0.01 : 1;
    const fixed = number === 0 ? 0 : number === points.length - 1 ? 1 : within(at, low, high);
    points[number] = [fixed, value(within(up, 0, 1))];
    draw();
    send();
  }

  function add(at, up) {
    const number = points.findIndex((point) => point[0] > at);
    if (number < 1 || at - points[number - 1][0] < 0.02 || points[number][0] - at < 0.02) return -1;
    points.splice(number, 0, [at, value(up)]);
    draw();
    send();
    return number;
  }

  function remove(number) {
    if (number === 0 || number === points.length - 1) return;
    points.splice(number, 1);
    draw();
    send();
  }

  function draw() {
    line.setAttribute("points", points.map(([at, v]) => `${100 * at},${100 * (1 - height(v))}`).join(" "));
    while (dots.length > points.length) dots.pop().remove();
    while (dots.length < points.length) dots.push(dotNumber(dots.length));
    points.forEach(([at, v], number) => {
      dots[number].style.left = `${100 * at}%`;
      dots[number].style.top = `${100 * (1 - height(v))}%`;
      dots[number].setAttribute("aria-label", `${model.get("name")} ${v.toFixed(2)} at ${Math.round(100 * at)}% of the time; `
        + "arrow keys move it, Insert adds one after it, Delete removes it");
    });
  }

  function dotNumber(number) {
    const dot = element("button", "dot", area);
    dot.type = "button";
    dot.addEventListener("keydown", (event) => {
      const step = STEPS[event.key], [at, v] = points[number];
      if (step) move(number, at + 0.02 * step[0], height(v) + 0.05 * step[1]);
      else if (event.key === "Delete" || event.key === "Backspace") remove(number);
      else if (event.key === "Insert" && number < points.length - 1) {
        add((at + points[number + 1][0]) / 2, height((v + points[number + 1][1]) / 2));
      } else return;
      event.preventDefault();
      event.stopPropagation();
      dots[Math.min(number, dots.length - 1)].focus();
    });
    return dot;
  }

  area.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    let number = dots.indexOf(event.target);
    if (number >= 0 && twice(number, event)) {
      event.preventDefault();
      return remove(number);
    }
    if (number < 0) number = add(...place(event, area));
    if (number < 0) return;
    follow(area, event, (moved) => move(number, ...place(moved, area)));
    dots[number].focus({ preventScroll: true });
  });

  function load() {
    points = model.get("points").map((point) => [...point]);
    draw();
  }
  function words() {
    const [low, high, start, end] = model.get("labels");
    [high, low, model.get("name")].forEach((word, n) => { sides[n].textContent = word; });
    [start, end].forEach((word, n) => { ends[n].textContent = word; });
  }
  model.on("change:points change:low change:high", load);
  model.on("change:labels change:name", words);
  words();
  load();
}
export default { render };
