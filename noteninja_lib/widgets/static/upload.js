// A button for files, which may also be dropped anywhere on the widget; they go to Python piece by piece.
const PIECE = 2 ** 20;   // bytes: Jupyter loses messages near 10 MB without a word

export default {
  render({ model, el }) {
    begin(el, "nn-uploader");
    const button = element("button", "jupyter-button widget-button", el, model.get("description"));
    const field = element("input", "", el), words = element("span", "words", el, model.get("told"));
    let turn = "", received = () => {};
    button.type = "button";
    words.setAttribute("role", "status");
    Object.assign(field, { type: "file", hidden: true, accept: model.get("accept"), multiple: model.get("multiple") });
    button.addEventListener("click", () => field.click());
    field.addEventListener("change", () => { send([...field.files]); field.value = ""; });   // so that the same may come again

    async function send(files) {
      const mine = turn = crypto.randomUUID?.() ?? String(Math.random());
      let now = "";
      try {
        for (const [number, file] of files.entries()) {
          now = file.name;
          let begun = number ? "next" : "first";
          for (let sent = 0; begun || sent < file.size; begun = "") {
            const bytes = await file.slice(sent, sent + PIECE).arrayBuffer();
            if (mine !== turn) return;   // another choice was made meanwhile
            const told = new Promise((resolve) => { received = resolve; });
            model.send({ what: "part", begun, name: file.name, turn: mine }, undefined, [bytes]);
            await told;   // else a long file would fill the memory
            sent += bytes.byteLength;
            words.textContent = `${file.name}: ${(sent / 1e6).toFixed(1)} of ${(file.size / 1e6).toFixed(1)} MB`;
          }
        }
        model.send({ what: "end", turn: mine });
      } catch {   // such as a folder
        words.textContent = `${now} can't be read: choose a file.`;
      }
    }

    const message = ({ turn: whose }) => whose === turn && received();
    const told = () => { words.textContent = model.get("told"); };
    model.on("msg:custom", message);
    model.on("change:told", told);

    // What is dropped on a chooser is that one's; what is dropped beside all of them, the first one's.
    const root = () => el.closest(".nn-converter");
    const over = (event) => {
      const target = event.target.nodeType === 1 ? event.target : event.target.parentElement;
      const all = document.querySelector(".nn-head");   // the page without code, which is the converter's alone
      const here = (all || root()?.contains(target)) && [...(event.dataTransfer?.types ?? [])].includes("Files");
      root()?.classList.toggle("nn-drop-here", here && event.type === "dragover");
      if (!here) return;
      event.preventDefault();   // else the browser opens the file
      event.stopPropagation();
      const one = target.closest(".nn-chooser")?.querySelector(".nn-uploader") ?? root().querySelector(".nn-uploader");
      if (event.type === "drop" && one === el)
        send([...event.dataTransfer.files].slice(0, model.get("multiple") ? undefined : 1));
    };
    const kinds = ["dragover", "drop"];
    kinds.forEach((kind) => document.addEventListener(kind, over, true));
    const gone = (event) => event.relatedTarget || root()?.classList.remove("nn-drop-here");   // out of the window
    document.addEventListener("dragleave", gone);
    return () => {
      kinds.forEach((kind) => document.removeEventListener(kind, over, true));
      document.removeEventListener("dragleave", gone);
      model.off("msg:custom", message);
      model.off("change:told", told);
    };
  },
};
