// Draws every state in the chosen edition, language, theme and size.

import { LANGUAGES } from "../src/i18n";
import type { Edition } from "../src/ipc/bridge";
import { statesOf } from "./fixtures";

const CHOICES = {
  edition: ["mobile", "desktop"],
  language: Object.keys(LANGUAGES),
  theme: ["light", "dark"],
  size: ["360×740", "320×640", "768×1024", "1280×800"],
};

const form = document.querySelector("form");
const frames = document.querySelector("main");
if (!form || !frames) throw new Error("index.html lacks form or main");

for (const [name, options] of Object.entries(CHOICES)) {
  const label = document.createElement("label");
  const select = document.createElement("select");
  select.name = name;
  select.append(...options.map((option) => new Option(option)));
  label.append(`${name} `, select);
  form.append(label);
}

const draw = () => {
  const chosen = new FormData(form);
  const edition = String(chosen.get("edition")) as Edition;
  const [width = "360", height = "740"] = String(chosen.get("size")).split("×");
  frames.className = String(chosen.get("theme"));
  frames.replaceChildren(
    ...statesOf(edition).map((state) => {
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      const frame = document.createElement("iframe");
      caption.textContent = state;
      frame.loading = "lazy";
      frame.title = state;
      frame.width = width;
      frame.height = height;
      frame.src = `./screen.html?${new URLSearchParams({ state, edition, language: String(chosen.get("language")) })}`;
      figure.append(caption, frame);
      return figure;
    }),
  );
};
form.addEventListener("change", draw);
draw();
