// A website around `supertokens-auth-react` with what people set there: fields, links, colours, hooks, redirections.
import { createRoot } from "react-dom/client";
import SuperTokens, { SuperTokensWrapper } from "supertokens-auth-react";
import EmailPassword from "supertokens-auth-react/recipe/emailpassword";
import { EmailPasswordPreBuiltUI } from "supertokens-auth-react/recipe/emailpassword/prebuiltui";
import Session, { SessionAuth, useSessionContext } from "supertokens-auth-react/recipe/session";
import { canHandleRoute, getRoutingComponent } from "supertokens-auth-react/ui";

const { apiDomain, tokenTransferMethod } = window.site;
// Kept beyond the page, since redirections load another.
const note = (list, entry) =>
    sessionStorage.setItem(list, JSON.stringify([...JSON.parse(sessionStorage.getItem(list) ?? "[]"), entry]));

SuperTokens.init({
    appInfo: {
        appName: "Watchword",
        apiDomain,
        websiteDomain: window.location.origin,
        apiBasePath: "/auth",
        websiteBasePath: "/auth",
    },
    termsOfServiceLink: "https://www.watchword.test/terms",
    privacyPolicyLink: "https://www.watchword.test/privacy",
    useShadowDom: false,
    style: "[data-supertokens~=container] { --palette-primary: 10, 120, 40; --palette-background: 250, 250, 240; }",
    getRedirectionURL: async (context) => {
        note("redirections", context.action);
        return context.action === "SUCCESS" ? `/welcome?new=${context.createdNewUser}` : undefined;
    },
    recipeList: [
        EmailPassword.init({
            signInAndUpFeature: {
                signUpForm: {
                    formFields: [
                        { id: "email", label: "Work address", placeholder: "you@company.example" },
                        { id: "name", label: "Full name", placeholder: "Ada Lovelace" },
                    ],
                },
            },
            preAPIHook: async (context) => {
                note("actions", context.action);
                const headers = new Headers(context.requestInit.headers);
                headers.set("x-campaign", "spring");
                return { ...context, requestInit: { ...context.requestInit, headers } };
            },
            onHandleEvent: (context) => note("events", [context.action, context.isNewRecipeUser ?? null]),
        }),
        Session.init({ tokenTransferMethod, onHandleEvent: (context) => note("events", [context.action, null]) }),
    ],
});

function Welcome() {
    const session = useSessionContext();
    return (
        <main>
            <h1>Welcome</h1>
            <p id="payload">{JSON.stringify(session.accessTokenPayload)}</p>
            <button onClick={() => fetch(`${apiDomain}/api/session`)}>Ask</button>
        </main>
    );
}

createRoot(document.getElementById("root")).render(
    <SuperTokensWrapper>
        {canHandleRoute([EmailPasswordPreBuiltUI]) ? (
            getRoutingComponent([EmailPasswordPreBuiltUI])
        ) : (
            <SessionAuth onSessionExpired={() => note("events", ["EXPIRED", null])}>
                <Welcome />
            </SessionAuth>
        )}
    </SuperTokensWrapper>,
);
