// A website around `supertokens-web-js`: the client's functions on `window.client`, its events on `window.events`.
import SuperTokens from "supertokens-web-js";
import EmailPassword from "supertokens-web-js/recipe/emailpassword";
import EmailVerification from "supertokens-web-js/recipe/emailverification";
import Session from "supertokens-web-js/recipe/session";
import ThirdParty from "supertokens-web-js/recipe/thirdparty";

const { apiDomain, tokenTransferMethod, sessionTokenFrontendDomain } = window.site;

// As in the guide, with what a widget would have given.
const withChallenge = async (context) => {
    if (window.challengeToken === undefined) return context;
    const headers = new Headers(context.requestInit.headers);
    headers.set("watchword-challenge", window.challengeToken);
    return { ...context, requestInit: { ...context.requestInit, headers } };
};

window.events = [];
SuperTokens.init({
    appInfo: { appName: "Watchword", apiDomain, apiBasePath: "/auth" },
    recipeList: [
        EmailPassword.init({ preAPIHook: withChallenge }),
        EmailVerification.init(),
        ThirdParty.init(),
        Session.init({
            tokenTransferMethod,
            sessionTokenFrontendDomain,
            onHandleEvent: ({ action }) => window.events.push(action),
        }),
    ],
});

const messageOf = (call) =>
    call.then(
        () => null,
        (error) => (error.isSuperTokensGeneralError === true ? error.message : String(error)),
    );

const withPassword = (email, password) => ({
    formFields: [
        { id: "email", value: email },
        { id: "password", value: password },
    ],
});
// The raw response beside each answer cannot leave the page.
const plain = ({ fetchResponse, ...answer }) => answer;

window.client = {
    signUp: async (email, password) => plain(await EmailPassword.signUp(withPassword(email, password))),
    signIn: async (email, password) => plain(await EmailPassword.signIn(withPassword(email, password))),
    solveChallenge: (token) => {
        window.challengeToken = token;
    },
    messageOfSignUp: (email, password) => messageOf(EmailPassword.signUp(withPassword(email, password))),
    messageOfSignIn: (email, password) => messageOf(EmailPassword.signIn(withPassword(email, password))),
    doesEmailExist: async (email) => plain(await EmailPassword.doesEmailExist({ email })),
    providerUrl: () =>
        ThirdParty.getAuthorisationURLWithQueryParamsAndSetState({
            thirdPartyId: "people",
            frontendRedirectURI: `${window.location.origin}/auth/callback/people`,
        }),
    comeBackFromProvider: async () => plain(await ThirdParty.signInAndUp()),
    askForNewPassword: async (email) =>
        plain(await EmailPassword.sendPasswordResetEmail({ formFields: [{ id: "email", value: email }] })),
    chooseNewPassword: async (password) =>
        plain(await EmailPassword.submitNewPassword({ formFields: [{ id: "password", value: password }] })),
    askForProof: async () => plain(await EmailVerification.sendVerificationEmail()),
    prove: async () => plain(await EmailVerification.verifyEmail()),
    isProved: async () => plain(await EmailVerification.isEmailVerified()),
    doesSessionExist: () => Session.doesSessionExist(),
    getUserId: () => Session.getUserId(),
    getPayload: () => Session.getAccessTokenPayloadSecurely(),
    refresh: () => Session.attemptRefreshingSession(),
    signOut: () => Session.signOut(),
    call: async (method, path, body) => {
        const response = await fetch(apiDomain + path, {
            method,
            ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
        });
        return { status: response.status, body: await response.json() };
    },
};
