// The names of the states, for the script that takes the pictures.

import { statesOf } from "./fixtures";

const out = document.getElementById("states");
if (out) out.textContent = JSON.stringify({ mobile: statesOf("mobile"), desktop: statesOf("desktop") });
