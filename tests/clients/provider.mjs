// The OpenID provider of the browser tests: the certified package `oidc-provider`, unmodified, on a free port.
// Anyone may sign in with any name and password; `ada` gets the address `ada@people.example`.
// It prints its issuer as one line of JSON when it is ready, and ends when its standard input closes.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const random = () => randomBytes(32).toString("base64url");
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

function findAccount(_context, id) {
    return {
        accountId: id,
        claims: () => ({ sub: id, email: `${id}@people.example`, email_verified: true, name: id }),
    };
}

const server = createServer();
server.listen(0, "127.0.0.1", () => {
    const issuer = `http://localhost:${server.address().port}`;
    const provider = new Provider(issuer, {
        claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
        cookies: { keys: [random()] },
        features: { registration: { enabled: true } }, // each site registers itself (RFC 7591)
        findAccount,
        jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "of-this-run" }] },
        pkce: { required: () => true },
    });
    provider.on("server_error", (_context, error) => console.error(error));
    server.on("request", provider.callback());
    console.log(JSON.stringify({ issuer }));
});

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
