// A website around `supertokens-auth-react`: its own sign-in page under /auth, and a page for signed-in people at /.
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import SuperTokens, { SuperTokensWrapper } from "supertokens-auth-react";
import EmailPassword from "supertokens-auth-react/recipe/emailpassword";
import { EmailPasswordPreBuiltUI } from "supertokens-auth-react/recipe/emailpassword/prebuiltui";
import EmailVerification from "supertokens-auth-react/recipe/emailverification";
import { EmailVerificationPreBuiltUI } from "supertokens-auth-react/recipe/emailverification/prebuiltui";
import Session, { SessionAuth, useSessionContext } from "supertokens-auth-react/recipe/session";
import ThirdParty from "supertokens-auth-react/recipe/thirdparty";
import { ThirdPartyPreBuiltUI } from "supertokens-auth-react/recipe/thirdparty/prebuiltui";
import { canHandleRoute, getRoutingComponent } from "supertokens-auth-react/ui";

const { apiDomain, tokenTransferMethod, emailVerification } = window.site;
const signInPages = [EmailPasswordPreBuiltUI, ThirdPartyPreBuiltUI, ...(emailVerification ? [EmailVerificationPreBuiltUI] : [])];

SuperTokens.init({
    appInfo: {
        appName: "Watchword",
        apiDomain,
        websiteDomain: window.location.origin,
        apiBasePath: "/auth",
        websiteBasePath: "/auth",
    },
    recipeList: [
        EmailPassword.init(),
        ThirdParty.init({ signInAndUpFeature: { providers: [{ id: "people", name: "People" }] } }),
        ...(emailVerification ? [EmailVerification.init({ mode: emailVerification })] : []),
        Session.init({ tokenTransferMethod }),
    ],
});

function Home() {
    const session = useSessionContext();
    const [answer, setAnswer] = useState(null);
    useEffect(() => {
        fetch(`${apiDomain}/api/session`)
            .then((response) => response.json())
            .then(setAnswer);
    }, []);
    return (
        <main>
            <h1>Signed in</h1>
            <p id="user-id">{session.userId}</p>
            <p id="payload">{JSON.stringify(session.accessTokenPayload)}</p>
            {answer && <p id="data">{JSON.stringify(answer.data)}</p>}
            <button onClick={() => Session.signOut().then(() => window.location.assign("/auth"))}>Sign out</button>
        </main>
    );
}

createRoot(document.getElementById("root")).render(
    <SuperTokensWrapper>
        {canHandleRoute(signInPages) ? (
            getRoutingComponent(signInPages)
        ) : (
            <SessionAuth>
                <Home />
            </SessionAuth>
        )}
    </SuperTokensWrapper>,
);
