// Lists the states for the screenshot test.

import { statesOf } from "./fixtures";

const out = document.getElementById("states");
if (out) out.textContent = JSON.stringify({ mobile: statesOf("mobile"), desktop: statesOf("desktop") });
