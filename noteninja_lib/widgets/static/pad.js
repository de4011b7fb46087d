function render({ model, el }) {
  begin(el, "nn-pad");
  const area = element("div", "area", el);
  const corners = ["top left", "top right", "bottom left", "bottom right"].map((where) => element("div", `corner ${where}`, area));
  const dot = element("button", "dot", area);
  dot.type = "button";
  let past = [];

  const go = (x, y) => save(model, { x: within(x, 0, 1), y: within(y, 0, 1) });

  function draw() {
    const [x, y] = [model.get("x"), model.get("y")];
    const shares = [(1 - x) * y, x * y, (1 - x) * (1 - y), x * (1 - y)];
    const words = model.get("labels").map((label, n) => [label, `${Math.round(100 * shares[n])}%`]);
    words.forEach(([label, share], n) => {
      corners[n].replaceChildren(label, " ", element("span", "", null, share));
    });
    dot.style.left = `${100 * x}%`;
    dot.style.top = `${100 * (1 - y)}%`;
    dot.setAttribute("aria-label", words.map((pair) => pair.join(" ")).join(", ") + "; move with the arrow keys");
  }

  function drawPast() {
    past.forEach((mark) => mark.remove());
    past = model.get("trail").map(([x, y]) => {
      const mark = element("div", "past", area);
      mark.style.left = `${100 * x}%`;
      mark.style.top = `${100 * (1 - y)}%`;
      return mark;
    });
    area.append(dot);   // above its past
  }

  area.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    go(...place(event, area));
    follow(area, event, (moved) => go(...place(moved, area)));
    dot.focus({ preventScroll: true });
  });
  dot.addEventListener("keydown", (event) => {
    const step = STEPS[event.key], size = event.shiftKey ? 0.2 : 0.05;
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    go(model.get("x") + size * step[0], model.get("y") + size * step[1]);
  });
  model.on("change:x change:y change:labels", draw);
  model.on("change:trail", drawPast);
  draw();
  drawPast();
}
export default { render };
