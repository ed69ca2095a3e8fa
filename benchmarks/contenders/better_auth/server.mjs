// better-auth on Node's own HTTP server, as its documentation sets it up, with its rate limits on as in production.
import { createServer } from "node:http";
import { hash, verify } from "@node-rs/argon2";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { fromNodeHeaders, toNodeHandler } from "better-auth/node";

const port = Number(process.env.BENCH_PORT);
const url = process.env.BENCH_DATABASE;
// The hash that all contenders get; its documentation shows how to have Argon2id instead of scrypt. 2 is Argon2id.
const cost = { algorithm: 2, memoryCost: 19456, timeCost: 2, parallelism: 1 };

const many = { window: 10, max: 100_000_000 };

async function openDatabase() {
  if (url.startsWith("postgresql:")) {
    const { default: pg } = await import("pg");
    return new pg.Pool({ connectionString: url });
  }
  const { default: Database } = await import("better-sqlite3");
  const database = new Database(url.replace("sqlite:///", ""));
  for (const pragma of ["journal_mode = wal", "synchronous = full", "foreign_keys = on", "busy_timeout = 5000"]) {
    database.pragma(pragma);
  }
  return database;
}

const auth = betterAuth({
  baseURL: `http://localhost:${port}`,
  secret: "a secret for measuring that has at least 32 bytes",
  database: await openDatabase(),
  emailAndPassword: {
    enabled: true,
    password: {
      hash: (password) => hash(password, cost),
      verify: ({ hash: stored, password }) => verify(stored, password),
    },
  },
  rateLimit: { enabled: true, ...many, customRules: { "/sign-in/email": many, "/sign-up/email": many } },
});
const { runMigrations } = await getMigrations(auth.options);
await runMigrations();

const handler = toNodeHandler(auth);

function answer(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

const server = createServer(async (request, response) => {
  if (request.url.startsWith("/api/auth/")) return handler(request, response);
  if (request.url === "/bare") return answer(response, 200, { user: "anybody" });
  const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) });
  return session ? answer(response, 200, { user: session.user.id }) : answer(response, 401, {});
});
server.keepAliveTimeout = 600_000;
server.listen(port, "127.0.0.1");
process.stdin.on("end", () => process.exit(0)).resume();
