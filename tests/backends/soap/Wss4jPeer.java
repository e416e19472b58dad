import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.StringReader;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.apache.ws.security.WSConstants;
import org.apache.ws.security.WSDataRef;
import org.apache.ws.security.WSEncryptionPart;
import org.apache.ws.security.WSPasswordCallback;
import org.apache.ws.security.WSSConfig;
import org.apache.ws.security.WSSecurityEngine;
import org.apache.ws.security.WSSecurityEngineResult;
import org.apache.ws.security.WSSecurityException;
import org.apache.ws.security.components.crypto.Crypto;
import org.apache.ws.security.components.crypto.Merlin;
import org.apache.ws.security.handler.RequestData;
import org.apache.ws.security.message.WSSecHeader;
import org.apache.ws.security.message.WSSecSignature;
import org.apache.ws.security.message.WSSecTimestamp;
import org.apache.ws.security.message.token.Timestamp;
import org.apache.ws.security.message.token.UsernameToken;
import org.apache.ws.security.util.WSSecurityUtil;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

/**
 * A service that has Apache WSS4J check each request and sign each reply.
 *
 * <p>Arguments: the caller's certificate, the service's key store (PKCS 12, alias "service", password "s3cret").
 * It prints its port, then a line for each request: what WSS4J found in order, or what it refused.
 * The header X-Reply says how the reply refers to its certificate, or "changed" or "expired".
 */
public class Wss4jPeer {
  static final String SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256";
  static final Map<String, Integer> REFERENCES =
      Map.of(
          "issuer", WSConstants.ISSUER_SERIAL,
          "certificate", WSConstants.X509_KEY_IDENTIFIER,
          "thumbprint", WSConstants.THUMBPRINT_IDENTIFIER);

  public static void main(String[] arguments) throws Exception {
    Crypto callers = trusting(arguments[0]);
    Crypto own = holding(arguments[1]);
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext("/", exchange -> answer(exchange, callers, own));
    server.start();
    System.out.println(server.getAddress().getPort());
  }

  static Crypto trusting(String certificate) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    try (FileInputStream in = new FileInputStream(certificate)) {
      store.setCertificateEntry("caller", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    Merlin found = new Merlin();
    found.setTrustStore(store);
    return found;
  }

  static Crypto holding(String file) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (FileInputStream in = new FileInputStream(file)) {
      store.load(in, "s3cret".toCharArray());
    }
    Merlin found = new Merlin();
    found.setKeyStore(store);
    return found;
  }

  static void answer(HttpExchange exchange, Crypto callers, Crypto own) {
    try {
      String how = exchange.getRequestHeaders().getFirst("X-Reply");
      System.out.println(judged(parsed(exchange.getRequestBody().readAllBytes()), callers));
      byte[] reply = reply(how == null ? "" : how, own);
      exchange.getResponseHeaders().set("Content-Type", "text/xml");
      exchange.sendResponseHeaders(200, reply.length);
      exchange.getResponseBody().write(reply);
    } catch (Exception error) {
      System.out.println("broken: " + error);
    } finally {
      exchange.close();
    }
  }

  static Document parsed(byte[] text) throws Exception {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setNamespaceAware(true);
    return factory.newDocumentBuilder().parse(new ByteArrayInputStream(text));
  }

  static String judged(Document message, Crypto callers) {
    CallbackHandler password =
        callbacks -> {
          for (Callback each : callbacks) {
            ((WSPasswordCallback) each).setPassword("s3cret");
          }
        };
    RequestData wanted = new RequestData();
    wanted.setWssConfig(WSSConfig.getNewInstance());
    wanted.setSigCrypto(callers);
    wanted.setCallbackHandler(password);
    try {
      Element header = WSSecurityUtil.getSecurityHeader(message, null);
      List<String> found = new ArrayList<>();
      for (WSSecurityEngineResult each : new WSSecurityEngine().processSecurityHeader(header, wanted)) {
        found.add(told(each));
      }
      return String.join(" ", found);
    } catch (WSSecurityException error) {
      return "refused: " + error.getMessage();
    }
  }

  @SuppressWarnings("unchecked")
  static String told(WSSecurityEngineResult result) {
    switch ((Integer) result.get(WSSecurityEngineResult.TAG_ACTION)) {
      case WSConstants.TS:
        Timestamp time = (Timestamp) result.get(WSSecurityEngineResult.TAG_TIMESTAMP);
        return "time:" + (time.getExpires().getTime() - time.getCreated().getTime()) / 1000;
      case WSConstants.UT:
        UsernameToken token = (UsernameToken) result.get(WSSecurityEngineResult.TAG_USERNAME_TOKEN);
        return (token.isHashed() ? "digest:" : "password:") + token.getName();
      case WSConstants.SIGN:
        List<String> names = new ArrayList<>();
        for (WSDataRef each : (List<WSDataRef>) result.get(WSSecurityEngineResult.TAG_DATA_REF_URIS)) {
          names.add(each.getName().getLocalPart());
        }
        names.sort(null);
        return "signed:" + String.join("+", names);
      default:
        return "token";
    }
  }

  static byte[] reply(String how, Crypto own) throws Exception {
    Document message =
        DocumentBuilderFactory.newDefaultNSInstance()
            .newDocumentBuilder()
            .parse(
                new InputSource(
                    new StringReader(
                        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Header/><s:Body>"
                            + "<t:CancelLeaveResponse xmlns:t='urn:leave'><t:Done>1</t:Done></t:CancelLeaveResponse>"
                            + "</s:Body></s:Envelope>")));
    WSSecHeader header = new WSSecHeader();
    header.insertSecurityHeader(message);
    WSSecTimestamp time = new WSSecTimestamp();
    time.setTimeToLive(how.equals("expired") ? -3600 : 300);
    time.build(message, header);
    WSSecSignature signature = new WSSecSignature();
    signature.setUserInfo("service", "s3cret");
    signature.setKeyIdentifierType(REFERENCES.getOrDefault(how, WSConstants.BST_DIRECT_REFERENCE));
    signature.setSignatureAlgorithm("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256");
    signature.setDigestAlgo(SHA256);
    signature.setParts(
        List.of(
            new WSEncryptionPart("Body", WSConstants.URI_SOAP11_ENV, ""),
            new WSEncryptionPart("Timestamp", WSConstants.WSU_NS, "")));
    signature.build(message, own, header);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TransformerFactory.newInstance().newTransformer().transform(new DOMSource(message), new StreamResult(out));
    String text = out.toString(StandardCharsets.UTF_8);
    return (how.equals("changed") ? text.replace("Done>1<", "Done>0<") : text).getBytes(StandardCharsets.UTF_8);
  }
}
