// The README's JavaScript, against a running server: URL, API key, folder of the project, where jose is.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [url, key, root, jose] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
const post = async (path, body) =>
  (await fetch(`${url}/v1/bots/st-dev/sessions/js-1/otp${path}`, { method: "POST", headers, body: JSON.stringify(body) })).json();

await post("", { to: "js@example.com" });
const { code } = (await (await fetch(`${url}/dev/outbox?to=js@example.com`)).json())[0];
const { proof } = await post("/verify", { code, user: "u-1" });

const blocks = readFileSync(`${root}/README.md`, "utf8").matchAll(/```js\n(.*?)```/gs);
const block = [...blocks].map(([, text]) => text).find((text) => text.includes("jose"));
const here = block
  .replace('"jose"', JSON.stringify(pathToFileURL(jose)))
  .replace("https://otp.example.com/", `${url}/`)
  .replace("https://otp.example.com", "botkit-otp");
writeFileSync("proven.mjs", here);
const { proven } = await import(pathToFileURL("proven.mjs"));

const claims = await proven(proof, "st-dev");
if (claims.aud !== "st-dev" || claims.sub !== "u-1") throw new Error(JSON.stringify(claims));
for (const wrong of [[`${proof.slice(0, -4)}AAAA`, "st-dev"], [proof.replace(".", ""), "st-dev"], [proof, "st-other"]]) {
  const passed = await proven(...wrong).then(() => true, () => false);
  if (passed) throw new Error("a proof that is forged, or for another, passed");
}
console.log("the proof is good");
