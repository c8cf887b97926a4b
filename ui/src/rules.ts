/** How long the backend hides the banner: `snooze` in `backend/src/rules.rs`. */
export const SNOOZE_HOURS = 24;
