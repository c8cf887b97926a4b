// node provider.mjs CLIENT_ID CLIENT_SECRET REDIRECT_URI: a provider of one client, on a free port. Whoever signs in is the
// account of that name.
import { createServer } from "node:http";
import { once } from "node:events";
import { Provider } from "oidc-provider";

const [id, secret, redirectUri] = process.argv.slice(2);
const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: id, client_secret: secret, redirect_uris: [redirectUri] }],
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  pkce: { required: () => true },
});
server.on("request", provider.callback());
// The test's pipe: the provider ends with the test.
process.stdin.resume().on("end", () => process.exit());
console.log(issuer);
