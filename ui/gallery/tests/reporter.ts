// One paragraph per fault, without call logs and stacks.

import { stripVTControlCharacters } from "node:util";
import type { FullResult, Reporter, TestCase, TestResult } from "@playwright/test/reporter";

export default class Faults implements Reporter {
  #started = performance.now();
  #tests = 0;
  #faults = 0;
  #shifts: number[] = [];

  onTestEnd(test: TestCase, { status, errors, annotations }: TestResult): void {
    if (status !== "skipped") this.#tests += 1;
    for (const { type, description } of annotations) if (type === "shift") this.#shifts.push(Number(description));
    for (const { message = "" } of errors) {
      this.#faults += 1;
      const [text = ""] = stripVTControlCharacters(message).split(/\n+Call log:/);
      const lines = text.split("\n").filter((line) => line.trim() && !/^(Error: )?expect\(|^[-+] (Expected|Received) +[-+]|^@@|^ {2}Array \[|^ {2}\]|^- Array \[\]|^[+] (Array \[|\])/.test(line));
      this.#print(`${test.titlePath().slice(1).filter((part) => !part.endsWith(".ts")).join(" › ")}: ${lines.join("\n    ")}`);
    }
  }

  onError({ message }: { message?: string }): void {
    this.#faults += 1;
    this.#print(message ?? "an error outside the tests");
  }

  onStdOut(text: string | Buffer): void {
    this.#print(String(text).trimEnd());
  }

  onEnd({ status }: FullResult): void {
    if (this.#shifts.length > 0) this.#print(`layout shift: at most ${Math.max(...this.#shifts)} in ${this.#shifts.length} changes`);
    this.#print(`${status}: ${this.#tests} tests in ${Math.round((performance.now() - this.#started) / 1000)} s, ${this.#faults} faults`);
  }

  #print(line: string): void {
    process.stdout.write(`${line}\n`);
  }
}
