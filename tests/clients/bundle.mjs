// Bundle the test pages with the official clients into the folder that is given: node bundle.mjs FOLDER
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

const pages = fileURLToPath(new URL("pages", import.meta.url));
await build({
    entryPoints: ["web_js.js", "auth_react.jsx", "auth_react_custom.jsx", "auth_react_user_names.jsx", "website.js"].map((page) => `${pages}/${page}`),
    bundle: true,
    define: { "process.env.NODE_ENV": '"production"', global: "window" },
    jsx: "automatic",
    logLevel: "warning",
    outdir: process.argv[2],
    target: "es2022",
});
