/** What a test asks of a browser that stands for a phone's web view. */
export interface Engine {
  /** Height of the largest screen. */
  readonly tallest: number;
  /** Whether the device's language can be chosen. */
  readonly speaks: boolean;
  /** What the page logged or threw, where the engine tells. */
  readonly complaints: string[];
  open(): Promise<void>;
  close(): Promise<void>;
  /** The device's language; null is the system's. */
  speak(language: string | null): Promise<unknown>;
  resize(width: number, height: number): Promise<void>;
  goto(url: string): Promise<void>;
  /** The value of an expression, awaited. */
  evaluate<T>(expression: string): Promise<T>;
  /** Statements. */
  run(script: string): Promise<void>;
  touch(x: number, y: number): Promise<void>;
  /** As an on-screen keyboard commits it. */
  insert(text: string): Promise<unknown>;
  /** As an input method that composes: the text is underlined until it is committed. */
  compose(text: string): Promise<void>;
  /** As the system does to a page in the background: no timer runs, nothing is answered. */
  freeze(frozen: boolean): Promise<void>;
  picture(): Promise<Buffer>;
}

/** The events of an input method, for an engine that cannot be asked for one. */
export const composeByScript = (text: string, isLast: boolean) => `{
  const field = document.activeElement;
  const event = { bubbles: true, data: "${text}" };
  field.dispatchEvent(new CompositionEvent("${text.length === 1 ? "compositionstart" : "compositionupdate"}", event));
  field.value = "${text}";
  field.dispatchEvent(new InputEvent("input", { ...event, inputType: "insertCompositionText", isComposing: true }));
  if (${isLast}) field.dispatchEvent(new CompositionEvent("compositionend", event));
}`;
