// A website around `supertokens-auth-react` for people with user names: the front end of `examples/user_names`.
import { createRoot } from "react-dom/client";
import SuperTokens, { SuperTokensWrapper } from "supertokens-auth-react";
import EmailPassword from "supertokens-auth-react/recipe/emailpassword";
import { EmailPasswordPreBuiltUI } from "supertokens-auth-react/recipe/emailpassword/prebuiltui";
import Session, { SessionAuth, useSessionContext } from "supertokens-auth-react/recipe/session";
import { canHandleRoute, getRoutingComponent } from "supertokens-auth-react/ui";

const { apiDomain, tokenTransferMethod } = window.site;

const isUserName = (value) => /^[a-z0-9_]{3,20}$/i.test(value);
const userName = {
    id: "email",
    label: "User name",
    placeholder: "ada_l",
    validate: async (value) => (isUserName(value) ? undefined : "3 to 20 letters, digits or _"),
};
const either = {
    id: "email",
    label: "User name or e-mail",
    placeholder: "",
    validate: async (value) => (isUserName(value) || value.includes("@") ? undefined : "A user name or an address"),
};

SuperTokens.init({
    appInfo: {
        appName: "Names",
        apiDomain,
        websiteDomain: window.location.origin,
        apiBasePath: "/auth",
        websiteBasePath: "/auth",
    },
    useShadowDom: false,
    recipeList: [
        EmailPassword.init({
            signInAndUpFeature: {
                signUpForm: { formFields: [userName, { id: "address", label: "E-mail", placeholder: "for resets" }] },
                signInForm: { formFields: [either] },
            },
            resetPasswordUsingTokenFeature: { enterEmailForm: { formFields: [either] } },
        }),
        Session.init({ tokenTransferMethod }),
    ],
});

function Home() {
    return <h1>Signed in as {useSessionContext().userId}</h1>;
}

createRoot(document.getElementById("root")).render(
    <SuperTokensWrapper>
        {canHandleRoute([EmailPasswordPreBuiltUI]) ? (
            getRoutingComponent([EmailPasswordPreBuiltUI])
        ) : (
            <SessionAuth>
                <Home />
            </SessionAuth>
        )}
    </SuperTokensWrapper>,
);
