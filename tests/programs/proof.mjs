// The README's JavaScript, against a running server: URL, API key, folder of the project, what proofs are
// signed with, where jose is.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [url, key, root, secret, jose] = process.argv.slice(2);
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

const claims = await proven(proof, "st-dev", "st-dev");
if (claims.aud !== "st-dev" || claims.sub !== "u-1") throw new Error(JSON.stringify(claims));
const { SignJWT, importPKCS8 } = await import(pathToFileURL(jose));
const header = { alg: "EdDSA", typ: "otp-proof+jwt", kid: "test" };
const pem = await importPKCS8(secret, "EdDSA");
const signed = (changes) => new SignJWT({ ...claims, ...changes }).setProtectedHeader(header).sign(pem);
await proven(await signed({}), "st-dev", "st-dev");
const lacking = ["exp", "iss", "aud", "jti", "bot"].map((claim) => ({ [claim]: undefined }));
const changed = [{ bot: "st-other" }, { exp: claims.iat - 1 }, ...lacking];
const wrongs = [[`${proof.slice(0, -4)}AAAA`, "st-dev"], [proof.replace(".", ""), "st-dev"], [proof, "st-other"]];
for (const changes of changed) wrongs.push([await signed(changes), "st-dev"]);
for (const wrong of wrongs) {
  const passed = await proven(...wrong, "st-dev").then(() => true, () => false);
  if (passed) throw new Error(`a proof that is forged, or for or of another, or lacks a claim, passed: ${wrong}`);
}
console.log("the proof is good");
