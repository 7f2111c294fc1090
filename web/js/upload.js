// An upload button on Load Imagery.
import { api } from "../../../scripts/api.js";
import { addButton, setWidgets, widgetOf } from "./graph.js";
import { say } from "./language.js";

const TOO_LARGE = "{file} ({size} MB) is over this server's upload limit. "
  + "Copy it into ComfyUI's folder input/, then press R.";
const ACCEPTED = ".tif,.tiff,.png,.jpg,.jpeg,.webp,.jp2,.mbtiles,.pmtiles";

/** A button that puts a file into the input folder and chooses it. */
export const addUpload = (node, words) => {
  const choose = document.createElement("input");
  Object.assign(choose, { type: "file", accept: ACCEPTED });
  choose.addEventListener("change", async () => {
    const [file] = choose.files;
    choose.value = "";
    if (file) await upload(node, words, file);
  });
  addButton(node, say("Upload imagery"), say("Copies a GeoTIFF or picture into ComfyUI's input folder."),
    () => choose.click());
};

const upload = async (node, words, file) => {
  const form = new FormData();
  form.append("image", file);
  form.append("type", "input");
  words.say([say("Uploading {file} …", { file: file.name })]);
  const megabytes = Math.ceil(file.size / 1e6);
  const tooLarge = say(TOO_LARGE, { file: file.name, size: megabytes });
  try {
    const answer = await api.fetchApi("/upload/image", { method: "POST", body: form });
    if (answer.status === 413) {
      words.say([tooLarge]);
      return;
    }
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    const { name, subfolder } = await answer.json();
    const path = subfolder ? `${subfolder}/${name}` : name;
    const values = widgetOf(node, "file").options.values;
    if (Array.isArray(values) && !values.includes(path)) values.push(path);
    setWidgets(node, { file: path });
    words.say([say("{file} is in the input folder.", { file: path })]);
  } catch (error) {
    // A server that refuses a large body closes the connection instead of answering.
    const failed = say("{file} was not uploaded: {reason}", { file: file.name, reason: error.message });
    words.say([megabytes >= 90 ? tooLarge : failed]);
  }
};
