// Before and after on one time axis. Both play at once and one of them is silent, so that a switch leaves no gap.
const LETTERS = "AB", NAMES = ["before", "after"];
const STEP = 1, FAR = 10;       // seconds that the arrow keys, and page up and down, move
const APART = 0.05, REST = 2000;   // seconds that the silent one may be off; milliseconds before it is set right again

export default () => {
  const addresses = new Map();   // all views play the same blobs
  const address = (bytes, kind) => {
    if (!addresses.has(bytes)) addresses.set(bytes, URL.createObjectURL(new Blob([bytes], { type: kind })));
    return addresses.get(bytes);
  };
  const forget = (kept = []) => {
    for (const [bytes, made] of addresses)
      if (!kept.includes(bytes)) { URL.revokeObjectURL(made); addresses.delete(bytes); }
  };

  function render({ model, el }) {
    begin(el, "nn-compare");
    el.setAttribute("role", "group");
    el.setAttribute("aria-label", "compare before and after");
    const press = (words, parent, pressed) => {
      const made = element("button", "jupyter-button widget-button", parent, words);
      made.type = "button";
      made.addEventListener("click", pressed);
      return made;
    };
    const bar = element("div", "bar", el);
    const play = press("▶ Play", bar, () => playing ? pause() : start());
    const other = press("⇄ A/B", bar, () => choose(1 - heard));
    const line = element("input", "line", bar), time = element("span", "time", bar);
    const level = press("equally loud", bar, () => { matched = !matched; draw(); });
    Object.assign(line, { type: "range", min: 0, step: "any" });
    line.setAttribute("aria-label", "position");
    line.addEventListener("input", () => seek(Number(line.value)));
    play.classList.add("play");
    other.classList.add("other");
    level.classList.add("level");
    play.setAttribute("aria-keyshortcuts", "Space");
    other.setAttribute("aria-keyshortcuts", "X");
    other.title = "hear the other one, at the same moment (key X)";
    const pair = element("div", "pair", el);
    const sides = NAMES.map((name, one) => {
      const side = element("div", "side", pair), heading = press("", side, () => choose(one));
      heading.classList.add("heading");
      heading.setAttribute("aria-keyshortcuts", LETTERS[one]);
      const frame = element("div", "frame", side), picture = element("img", `picture nn-picture-${name}`, frame);
      const cursor = element("div", "cursor", frame), link = element("a", "link", side, "this sound as mp3");
      const audio = element("audio", `nn-audio nn-audio-${name}`, side);
      audio.preload = "auto";
      picture.draggable = false;
      frame.addEventListener("pointerdown", (event) => {
        const [left, right] = facts(one).span, [across] = place(event, frame);
        seek((across - left) / (right - left) * model.get("longest"));
        choose(one);
        play.focus({ preventScroll: true });
        event.preventDefault();
      });
      audio.addEventListener("ended", () => sides.every(({ audio }) => audio.ended || over(audio)) && pause());
      // By a media key, or another program.
      audio.addEventListener("pause", () => one === heard && playing && audio.paused && !audio.ended && pause());
      audio.addEventListener("play", () => one === heard && !playing && !audio.paused && start());
      return { heading, picture, cursor, link, audio };
    });
    const words = element("div", "words", el);
    words.setAttribute("role", "status");
    element("div", "words", el, "Keys: Space plays, X is the other one (A, B: this one), ← and → move, Home begins anew.");

    let heard = 1, playing = false, matched = true, at = 0, mended = 0, shown = 0;
    const over = (audio) => at >= audio.duration - 0.05;
    const facts = (one) => model.get("sides")[one];
    const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

    function start() {
      if (at >= model.get("longest") - 0.1) seek(0);
      playing = true;
      draw();   // sets what is silent, before anything is heard
      for (const { audio } of sides) if (!over(audio)) audio.play().catch(pause);
      requestAnimationFrame(tick);
    }

    function pause() {
      playing = false;
      sides.forEach(({ audio }) => audio.pause());
      draw();
    }

    function seek(seconds) {
      at = within(seconds, 0, model.get("longest"));
      for (const { audio } of sides) {
        audio.currentTime = Math.min(at, audio.duration || at);
        if (playing && !over(audio)) audio.play().catch(pause);
      }
      draw();
    }

    function choose(one) {
      mended = 0;
      together();
      heard = one;
      draw();
    }

    // The heard one is the clock, or the longer one after its end; the other follows, unheard.
    function together() {
      const [mine, follows] = [sides[heard].audio, sides[1 - heard].audio];
      if (!playing || follows.seeking || mine.seeking) return;
      const leads = at < mine.duration ? mine : follows;
      at = Math.max(leads.currentTime, leads.ended ? leads.duration : 0);
      const off = Math.abs(follows.currentTime - at);
      if (leads === mine && at < follows.duration && off > APART && performance.now() - mended > REST) {
        mended = performance.now();
        follows.currentTime = at;
      }
    }

    function tick() {
      if (!playing || !el.isConnected) return playing && pause();
      together();
      draw();
      requestAnimationFrame(tick);
    }

    function draw() {
      const longest = model.get("longest"), gains = model.get("gains");
      play.textContent = playing ? "❚❚ Pause" : "▶ Play";
      level.setAttribute("aria-pressed", matched);
      line.max = longest;
      line.value = at;
      time.textContent = `${clock(at)} / ${clock(longest)}`;
      line.setAttribute("aria-valuetext", `${clock(at)} of ${clock(longest)}, ${NAMES[heard]} is heard`);
      el.dataset.heard = NAMES[heard];
      el.dataset.position = at;
      sides.forEach(({ heading, cursor, audio }, one) => {
        audio.muted = one !== heard;
        audio.volume = matched ? 10 ** (gains[one] / 20) : 1;
        heading.setAttribute("aria-pressed", one === heard);
        heading.dataset.heard = one === heard ? "heard" : "";
        const [left, right] = facts(one)?.span ?? [0, 1];
        cursor.style.left = `${100 * (left + at / (longest || 1) * (right - left))}%`;
      });
      const told = model.get(matched ? "levelled" : "levels");
      if (words.textContent !== told) words.textContent = told;
    }

    function show() {
      const goOn = playing && shown === model.get("longest");   // another take is heard at the same moment
      pause();
      if (shown !== model.get("longest")) at = 0;
      shown = model.get("longest");
      if (facts(1)) sides.forEach(({ heading, picture, link, audio }, one) => {
        const side = facts(one);
        heading.textContent = `${LETTERS[one]} · ${side.heading}`;
        picture.src = address(side.picture, "image/png");
        picture.alt = `picture of ${side.heading}`;
        audio.src = link.href = address(side.sound, "audio/mpeg");
        link.download = `${side.name}.mp3`;
      });
      forget(model.get("sides").flatMap(({ sound, picture }) => [sound, picture]));
      seek(at);
      if (goOn) start();
    }

    const moves = { ArrowLeft: -STEP, ArrowRight: STEP, PageDown: -FAR, PageUp: FAR, Home: -Infinity, End: Infinity };
    el.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const key = event.key.toUpperCase(), button = event.target.closest("button, a");
      if (event.key === " " && (!button || button === play)) play.click();
      else if (key === "X") choose(1 - heard);
      else if (key === "A" || key === "B") choose(LETTERS.indexOf(key));
      else if (event.key in moves) seek(at + moves[event.key]);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    // A song that was heard while it was made goes on here.
    el.addEventListener("nn-go-on", ({ detail }) => { choose(1); seek(detail); start(); });
    const message = () => requestAnimationFrame(() => {
      const here = document.activeElement;
      if (here !== document.body && !el.closest(".nn-converter")?.contains(here)) return;   // busy elsewhere
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      el.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
      if (here === document.body) play.focus({ preventScroll: true });
    });
    // JupyterLab's keys for cells are not meant in a widget: R, to find reggae in a menu, made its cell a raw one, and X
    // cut it out. It looks at the element that has the focus, and its own listener comes after this one.
    const guard = (event) => {
      const plain = !(event.ctrlKey || event.metaKey || event.altKey);
      if ((el.closest(".nn-converter") ?? el).contains(event.target))
        event.target.toggleAttribute("data-lm-suppress-shortcuts", plain);
    };
    addEventListener("keydown", guard, true);
    model.on("change:sides", show);
    model.on("msg:custom", message);
    show();
    return () => {
      pause();
      removeEventListener("keydown", guard, true);
      model.off("change:sides", show);
      model.off("msg:custom", message);
    };
  }

  return { initialize: () => forget, render };
};
