// A button for files, which may also be dropped anywhere on the widget; they go to Python piece by piece.
const PIECE = 2 ** 20;   // bytes: Jupyter loses messages near 10 MB without a word
const RATE = 44100, LONGEST = 3600;   // Hz and seconds of what is decoded here, which lies in memory at once
const LARGEST = 2 ** 26;   // bytes of what does not tell how long it is

// The sound of a file that Python can't decode, as a wav file.
async function decoded(file) {
  const media = document.createElement("video");
  media.src = URL.createObjectURL(file);
  await new Promise((told) => { media.onloadedmetadata = media.onerror = told; });
  URL.revokeObjectURL(media.src);
  if (Number.isFinite(media.duration) ? media.duration > LONGEST : file.size > LARGEST) throw RangeError();
  const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await file.arrayBuffer());
  const count = sound.numberOfChannels, samples = new Int16Array(count * sound.length);
  for (let one = 0; one < count; one++) {
    const channel = sound.getChannelData(one);
    for (let place = 0; place < channel.length; place++)
      samples[place * count + one] = Math.round(32767 * Math.max(-1, Math.min(1, channel[place])));
  }
  const bytes = samples.byteLength, four = (...numbers) => new Uint32Array(numbers), two = (...numbers) => new Uint16Array(numbers);
  const head = ["RIFF", four(36 + bytes), "WAVEfmt ", four(16), two(1, count), four(RATE, 2 * RATE * count), two(2 * count, 16)];
  return new File([...head, "data", four(bytes), samples], `${file.name.replace(/\.\w*$/, "")}.wav`);
}

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
      let now = "", fault = "";
      try {
        for (let [number, file] of files.entries()) {
          [now, fault] = [file.name, "can't be read: choose a file"];   // such as a folder
          for (let sent = 0, begun = true; begun || sent < file.size;) {
            const bytes = await file.slice(sent, sent + PIECE).arrayBuffer();
            if (mine !== turn) return;   // another choice was made meanwhile
            const told = new Promise((resolve) => { received = resolve; });
            begun &&= number ? "next" : "first";
            model.send({ what: "part", begun, name: file.name, turn: mine }, undefined, [bytes]);
            begun = await told;   // else a long file would fill the memory
            if (begun) {   // anew, as Python can read it
              words.textContent = `${now} is being decoded`;
              fault = "can't be decoded by this browser: convert it to wav, flac, ogg or mp3 first";
              [file, sent] = [await decoded(file), 0];
              continue;
            }
            sent += bytes.byteLength;
            words.textContent = `${now}: ${(sent / 1e6).toFixed(1)} of ${(file.size / 1e6).toFixed(1)} MB`;
          }
        }
        model.send({ what: "end", turn: mine });
      } catch (error) {
        if (mine !== turn) return;
        if (error instanceof RangeError) fault = "is too long to be decoded here: convert it to mp3 first";
        words.textContent = `${now} ${fault}.`;
        model.send({ what: "fail", words: words.textContent });
      }
    }

    const message = ({ turn: whose, decode }) => whose === turn && received(decode);
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
