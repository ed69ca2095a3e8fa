// A website around `supertokens-website` alone, calling the API with the browser's own `fetch` and with axios.
import axios from "axios";
import Session from "supertokens-website";

const { apiDomain, tokenTransferMethod, leftAlone } = window.site;

window.events = [];
Session.init({
    apiDomain,
    tokenTransferMethod,
    onHandleEvent: ({ action }) => window.events.push(action),
    override: {
        functions: (original) => ({
            ...original,
            shouldDoInterceptionBasedOnUrl: (url, ...others) =>
                !(leftAlone && url.includes(leftAlone)) && original.shouldDoInterceptionBasedOnUrl(url, ...others),
        }),
    },
});

window.client = {
    doesSessionExist: () => Session.doesSessionExist(),
    getPayload: () => Session.getAccessTokenPayloadSecurely(),
    signOut: () => Session.signOut(),
    fetch: async (method, path, body) => {
        const response = await fetch(apiDomain + path, {
            method,
            ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
        });
        return { status: response.status, body: await response.json() };
    },
    axios: async (method, path, data) => {
        const response = await axios.request({ method, url: apiDomain + path, data, validateStatus: () => true });
        return { status: response.status, body: response.data };
    },
};
