// A real OpenID Connect provider (npm oidc-provider) in the place of a CI's: its client says what job it is by a header.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const client = { client_id: "ci", client_secret: "ci-secret", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] };
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [client],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "urn:none",
        getResourceServerInfo: (context, resource) => ({
          scope: "",
          audience: resource.replace("urn:", ""),
          accessTokenTTL: 300,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    extraTokenClaims: (context) => JSON.parse(context.get("x-job") || "{}"),
  });
  server.on("request", provider.callback());
  process.stdout.write(`${issuer}\n`);
});
process.stdin.on("end", () => process.exit(0)).resume();
