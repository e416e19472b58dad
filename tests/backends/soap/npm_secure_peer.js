// A server of another stack that wants WS-Security: npm's `xml-crypto` checks each request and signs each reply.
// node npm_secure_peer.js CLIENT.pem SERVER.pem SERVER.key ; prints its port, then what it found of each request.
// The header `X-Reply` says what is to be wrong with the reply.
const crypto = require("crypto");
const fs = require("fs");
const http = require("http");
const { SignedXml } = require("xml-crypto");
const { DOMParser } = require("@xmldom/xmldom");

const OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss";
const WSSE = `${OASIS}-wssecurity-secext-1.0.xsd`;
const WSU = `${OASIS}-wssecurity-utility-1.0.xsd`;
const DSIG = "http://www.w3.org/2000/09/xmldsig#";
const C14N = "http://www.w3.org/2001/10/xml-exc-c14n#";
const X509 = `${OASIS}-x509-token-profile-1.0#X509v3`;
const HASH = {
  sha256: ["http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"],
  sha1: [`${DSIG}sha1`, `${DSIG}rsa-sha1`],
};
const [clientCert, serverCert, serverKey] = process.argv.slice(2).map((path) => fs.readFileSync(path, "utf8"));
const base64 = (pem) => pem.replace(/-----[^-]+-----|\s/g, "");
const one = (node, namespace, name) => node.getElementsByTagNameNS(namespace, name)[0];
const text = (node, namespace, name) => one(node, namespace, name)?.textContent;

function signatureOf(xml, document) {
  const node = one(document, DSIG, "Signature");
  if (!node) return "none";
  const token = one(document, WSSE, "BinarySecurityToken");
  const reference = one(node, WSSE, "Reference");
  if (reference.getAttribute("URI") !== `#${token.getAttributeNS(WSU, "Id")}`) return "no such token";
  if (token.textContent.trim() !== base64(clientCert)) return "another certificate";
  const checker = new SignedXml({ publicCert: clientCert, getCertFromKeyInfo: () => null, idMode: "wssecurity" });
  checker.loadSignature(node);
  if (!checker.checkSignature(xml)) return "wrong";
  return checker.getSignedReferences().map((each) => each.match(/^<(?:\w+:)?(\w+)/)[1]).sort().join("+");
}

function usernameOf(document) {
  const token = one(document, WSSE, "UsernameToken");
  if (!token) return "none";
  const password = one(token, WSSE, "Password");
  const name = text(token, WSSE, "Username");
  const nonce = text(token, WSSE, "Nonce");
  const created = text(token, WSU, "Created");
  if (password.getAttribute("Type").endsWith("#PasswordText")) {
    return `${name}:${password.textContent}${nonce && created ? " with nonce" : ""}`;
  }
  const hash = crypto.createHash("sha1").update(Buffer.from(nonce, "base64")).update(`${created}s3cret`);
  return `${name}:${hash.digest("base64") === password.textContent ? "right" : "wrong"} digest`;
}

function timeOf(document) {
  const stamp = one(document, WSU, "Timestamp");
  if (!stamp) return "none";
  const [from, to] = ["Created", "Expires"].map((name) => Date.parse(text(stamp, WSU, name)));
  return from <= Date.now() && Date.now() < to ? `${(to - from) / 1000}s` : "not now";
}

function found(xml) {
  const document = new DOMParser().parseFromString(xml, "text/xml");
  const header = document.documentElement.getElementsByTagName("soap:Header")[0];
  const addressing = {};
  let saml = "none";
  for (const node of Array.from(header.childNodes)) {
    if (/addressing/.test(node.namespaceURI)) addressing[node.localName] = node.textContent;
    const assertion = Array.from(node.childNodes).find((each) => each.localName === "Assertion");
    if (assertion) saml = assertion.textContent;
  }
  const security = one(document, WSSE, "Security");
  return {
    signature: signatureOf(xml, document),
    username: usernameOf(document),
    time: timeOf(document),
    saml,
    addressing,
    mustUnderstand: security?.getAttributeNS("http://schemas.xmlsoap.org/soap/envelope/", "mustUnderstand") || "",
  };
}

function reply(how, addressing) {
  const at = (shift) => new Date(Date.now() + shift * 1000).toISOString();
  const life = how === "expired" ? [-7200, -3600] : how === "early" ? [3600, 7200] : [0, 300];
  const relates = how === "unrelated" ? "urn:uuid:other" : addressing.MessageID;
  const content = how.endsWith("fault")
    ? "<s:Fault><faultcode>s:Server.HR-9</faultcode><faultstring>no</faultstring></s:Fault>"
    : '<t:CancelLeaveResponse xmlns:t="urn:leave"><t:Done>1</t:Done></t:CancelLeaveResponse>';
  const xml =
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>' +
    (relates ? `<a:RelatesTo xmlns:a="http://www.w3.org/2005/08/addressing">${relates}</a:RelatesTo>` : "") +
    `<o:Security xmlns:o="${WSSE}" xmlns:u="${WSU}" s:mustUnderstand="1"><u:Timestamp u:Id="t-1">` +
    `<u:Created>${at(life[0])}</u:Created><u:Expires>${at(life[1])}</u:Expires></u:Timestamp>` +
    `<o:BinarySecurityToken u:Id="x-1" ValueType="${X509}">${base64(serverCert)}</o:BinarySecurityToken>` +
    `</o:Security></s:Header><s:Body xmlns:u="${WSU}" u:Id="b-1">${content}</s:Body></s:Envelope>`;
  if (how.startsWith("unsigned")) return xml;
  const [digest, method] = HASH[how === "sha1" ? "sha1" : "sha256"];
  const signer = new SignedXml({ privateKey: serverKey, idMode: "wssecurity", signatureAlgorithm: method });
  signer.canonicalizationAlgorithm = C14N;
  // Java's servers name the prefixes that values may use.
  const inclusiveNamespacesPrefixList = how === "prefixes" ? ["s", "u"] : [];
  signer.inclusiveNamespacesPrefixList = inclusiveNamespacesPrefixList;
  signer.getKeyInfoContent = () =>
    `<o:SecurityTokenReference xmlns:o="${WSSE}"><o:Reference URI="#x-1" ValueType="${X509}"/></o:SecurityTokenReference>`;
  const parts = how === "time only" ? ["Timestamp"] : how === "body only" ? ["Body"] : ["Body", "Timestamp"];
  for (const name of parts) {
    signer.addReference({ xpath: `//*[local-name(.)='${name}']`, transforms: [C14N], digestAlgorithm: digest, inclusiveNamespacesPrefixList });
  }
  signer.computeSignature(xml, { location: { reference: "//*[local-name(.)='Security']", action: "append" }, prefix: "ds" });
  const signed = signer.getSignedXml();
  if (how === "changed") return signed.replace("Done>1<", "Done>0<");
  if (how === "wrapped") {
    // What was signed moves aside into the header, and another body takes its place.
    const body = signed.match(/<s:Body.*<\/s:Body>/s)[0];
    const other = '<s:Body><t:CancelLeaveResponse xmlns:t="urn:leave"><t:Done>0</t:Done></t:CancelLeaveResponse></s:Body>';
    return signed.replace(body, other).replace("</s:Header>", `<w:Old xmlns:w="urn:w">${body}</w:Old></s:Header>`);
  }
  return signed;
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const seen = found(Buffer.concat(chunks).toString("utf8"));
    console.log(JSON.stringify(seen));
    const how = request.headers["x-reply"] || "";
    response.writeHead(how.endsWith("fault") ? 500 : 200, { "Content-Type": "text/xml" });
    response.end(reply(how, seen.addressing));
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
