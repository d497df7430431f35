package waf

// texts are what sets off a rule, and what does not.
type texts struct {
	rule              int
	attacks, harmless []string
}

// mendedRules are those of the Core Rule Set in whose place ours stand. Each harmless value
// sets off theirs.
var mendedRules = []texts{
	{
		942100,
		[]string{"1' OR '1'='1", "x' UNION SELECT 1,2 -- ", "1--2 OR 1=1", "/*?options=1*/ union select 1", "Left (L, RR) or 1=1", "left(user(),1)=1", "1 or sleep(5)", "-1' or 1=1#"},
		[]string{"1--2", "1--2--3", "2--1", "Left (L, RR)", "Left (links)", "left (L,XL)", "hilfe/*?options=1", "topics/*?options=a,b", "1--10"},
	},
	{
		942190,
		[]string{
			`"!"`, `"! Y`, "'!`", "`!1", `x"!1`, "1' union select 1", `" UNION ALL SELECT x`, "select user(", "current_user(", "x from information_schema.tables",
			"into outfile 'x'", "exec master.dbo.x", "x exec xp_cmdshell", "SELECT IIF(1>1,2,3)", `"a"; "! b`,
			`'x'!='y`, `x'!='y`, `1"!="2`,
		},
		[]string{
			`"Sehr gut"! Immer wieder`, `Mein Arzt sagt: "Nehmen Sie das"! Seitdem keine Schmerzen`, `"Top"! 5 Sterne`, `"Super"!Immer wieder`, `'Sehr gut'! Danke`,
			`"Gut"! "Sehr gut"! Danke`, `Oma sagt "lecker"! und kauft nach`, `Die "Ente"! Endlich da`,
		},
	},
	{
		942290,
		[]string{
			"GET /show?u_id[$ne]=2", "GET /show?q=[$lte]x", "GET /show?u_id[%24regex]=x", `json: {"user":{"$gt":""}}`, `json: {"$where":"1"}`, `json: {"a":{"$or":[{"b":1}]}}`, `{"$not": "foo"}`,
			`{'$elemMatch': 1}`, `{ $where: "sleep(5)" }`, "form: a[b][$in][]=1", `json: {"q":"{\"$ne\":1}"}`, "GET /show?a[$type]=2", "form: a.$nin=1", `json: {"p":[{"$lookup":{"from":"users"}}]}`,
		},
		[]string{
			`cookie: mp={"$initial_referrer":"https://www.idealo.de/","$initial_referring_domain":"x"}`, `cookie: ph={"$groups":{},"$initial_person_info":{"r":"$direct"}}`,
			`json: {"batch":[{"event":"$set","properties":{"$set":{"plan":"b2b"},"$set_once":{"$initial_referrer":"$direct"},"$groups":{}}}]}`,
			`json: {"data":{"profile":{"$first_name":"Pat","$last_name":"O'Neill"}}}`, `json: {"$type":"Shop.Order, Shop"}`, "GET /odata/Products?$filter=PZN%20eq%201&$count=true",
			`json: {"query":"query P($filters:F,$inStock:Boolean,$where:W,$in:[ID!],$first:Int){p(filters:$filters,inStock:$inStock,where:$where,in:$in,first:$first){id}}"}`,
			`json: {"query":"mutation c($cartId:ID!,$country:CountryCode,$locationId:ID){c(cartId:$cartId){id}}"}`, "Preis in $country und $index",
		},
	},
	{
		930120,
		[]string{
			".profile", "/srv/x/.profile", `C:\x\.history`, "file=.ssh/id_rsa", "cat .bashrc", `".credentials"`, "etc/passwd", "xetc/passwd", "../../boot.ini", "/path/to/.docker/secrets",
			"backup.sql.zip", "old.htaccess", "cookie: a=/.aws/credentials", "json: {\"f\":\"/srv/.forward\"}", ">/tmp/curl", "GET /get?.profile=1", "file=.netrc", "größe.profile/.profile",
		},
		[]string{
			"scope=https://www.googleapis.com/auth/userinfo.profile", "cookie: csrf[frontend.account.profile.save]=1", "GET /?_data=routes/account.profile", "-order.history.createdAt", "order.profile",
			`json: {"event":"user.profile.updated"}`, "form: Customer.Profile.Size=M", `json: {"kunde":{"profile":{"größe":"M","Maß (cm)":178}}}`, `json: {"patient":{"coverage":{"@id":"/api/7"}}}`,
			`json: {"Größe":{"profile":1}}`, `json: {"a$":{"history":1}}`, `json: {"a@":{"credentials":1}}`, `json: {"Maß (cm)":{"profile":1}}`, "omega-3.fish-oil.forward", "${user}.profile", "kunde[0].profile", "user-.secrets",
		},
	},
	{
		930130,
		[]string{
			"GET /.profile", "GET /x/.netrc", "GET /.env", "GET /config/prod.env", "GET /.git/config", "GET /old.htaccess", "GET /backup.sql.gz", "GET /proc/self", "GET /x;/.ssh/id_rsa",
			"GET /.fish", "GET /user.passwd", "GET /WEB-INF/web.xml",
		},
		[]string{
			"GET /assets/account.profile-DxYz12.js", "GET /omega-3.fish-oil.jpg", "GET /assets/mail.forward-x.js", "GET /assets/account.credentials.js", "GET /media/test.coverage.png",
			"GET /assets/account.password-x.js", "GET /assets/main.environment.js", "GET /api/user.secrets-x",
		},
	},
	{
		941120,
		[]string{
			` onload = x`, `" onabcdefgh=x`, `' onclick=alert(1)`, "/<svg/onload=alert(1)", "<svg/onfoo=alert(1)>", "x;onfocus=eval(1)", ",onerror=alert(1)", "=onmouseover=alert(1)", "GET /<svg/onload=alert(1)",
			"referer: https://evil.example/?q=test;onfocus=eval(1)", "<img src=x onerror=alert(1)>", "x/onpointerdown=alert(1)", "x/ononline=alert(1)",
		},
		[]string{
			"form=salbe,onsale=true", "GET /arzneimittel/onsale=1/", "GET /a?filter=form%3Dsalbe%2Consale%3Dtrue", "farbe=rot;onsale=1", "a,onstock=true", "filter=onsale=1", "a/onhand=ja", "x,online=true",
		},
	},
	{
		921130,
		[]string{
			"GET http://www.foo.bar HTTP/1.2", "post /x http/1.1", "<meta http-equiv=refresh>", "<HTML><title>", "x\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html", "x\nhttp/2 302 found\nlocation: x",
			"cookie: a=<html>", "DELETE /x HTTP/2",
		},
		[]string{
			`Beim Bezahlen kam die Meldung "HTTP/2 500 Interner Fehler". Was nun?`, `json: {"nextHopProtocol":"http/1.1"}`, `json: [{"body":{"protocol":"http/1.1"}}]`, "HTTP/1.1", "http/3",
			"Meldung:\nHTTP/2 500\nWas nun?", "cookie: proto=http/2", "Fehler bei uns: HTTP/1.1 502",
		},
	},
	{
		921250,
		[]string{
			`cookie: $Version=1; session="deadbeef; PHPSESSID=secret; dummy=qaz"`, `cookie: $Version=1; session=\"deadbeef; PHPSESSID=secret; dummy=qaz\"`, `cookie: $Version=1; a="x\073"`, `cookie: $Version=1; a="x`,
			`cookie: a="b; $Version=1; c=d"`,
		},
		[]string{
			"cookie: $Version=1; JSESSIONID=0F8C4B2E; $Path=/", "cookie: $Version=1; a=b", `cookie: $Version=1; a="b"; $Path="/"`, `cookie: $Version=1; a="b"; c="d"; $Domain=".shop.example"`,
		},
	},
	{
		931120,
		[]string{
			"file?", "ftp?", "http?", "https?", "https://foo.bar?", "http://evil.example/shell.txt?", "http://evil.example/x.gif??", "http://evil.example/c99.php?", "ftp://evil.example/x?", "https://evil.example/a??",
		},
		[]string{
			"https://shop.example/kasse/danke?", "https://shop.example/?", "https://shop.example/index.php?", "https://shop.example/checkout/return.html?", "https://pay.example/v1/return/8b1a?", "http://shop.example/konto/?",
			"form: return_url=https://shop.example/kasse?", "https://shop.example/kasse/abbruch.do?",
		},
	},
	{
		922110,
		[]string{
			"part: Content-Type: text/plain; charset=utf-7", "part: Content-Type: text/plain;  charset  =  utf-7", "part: Content-Type: text/plain; charset=utf-16", "part: Content-Type: text/plain; charset=utf-8; charset=utf-7",
			"part: Content-Type: text/plain; CHARSET=UTF-7; boundary=inner", "part: Content-Type: text/plain; charset=utf-8x", "part: Content-Type: text/plain; x=y; charset=ibm037", "part: Content-Type: text/plain; charset=",
		},
		[]string{
			"part: Content-Type: text/plain; charset=US-ASCII", `part: Content-Type: text/plain; charset="us-ascii"`, "part: Content-Type: text/plain; charset=us-ascii; format=flowed", "part: Content-Type: text/plain; format=flowed; charset=us-ascii",
		},
	},
	{
		922120, nil,
		[]string{
			"part: Content-Transfer-Encoding: binary", "part: Content-Transfer-Encoding: 8bit", "part: content-transfer-encoding: 7bit", "part: Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: binary",
		},
	},
}

// changedRules are those of the Core Rule Set that look at less, or at another list.
var changedRules = []texts{
	{
		920440,
		[]string{"GET /get/foo.bak", "GET /foo.sql", "GET /privkey.pem", "GET /app.config", "GET /a.key", "GET /x.com.bak", "GET /a.old", "GET /dump.rdb"},
		[]string{"GET /partner/medizinfuchs.com", "GET /loewen-apotheke.com?period=30d", "GET /schema/order.xsd", "GET /www.idealo.com"},
	},
	{
		932160,
		[]string{"cookie: $Version=1; a=$PATH", "cookie: $HOME=1", "cat /bin/ab", "$PATH"},
		[]string{"cookie: $Version=1; JSESSIONID=0F8C4B2E; $Path=/"},
	},
}

// addedRules are those with numbers of our own.
var addedRules = []texts{
	{
		9900110,
		[]string{
			"GET /download?template=/.dockerenv", "GET /.dockerenv", "/.dockerenv", `C:\x\.dockerenv`, "json: {\"file\":\"/.dockerenv\"}",
			"GET /s/2333e/_/;/META-INF/maven/pom.properties", "META-INF/MANIFEST.MF", `WEB-INF\web.xml`, "file=/WEB-INF/classes/application.properties", "cookie: theme=/META-INF/context.xml",
			".dockerenv", "/.DS_Store", "GET /WEB-INF;/x", "/BOOT-INF/classes/x", "/run/secrets/kubernetes.io/serviceaccount/token", "a=http://www.w3.org/2001/XInclude",
		},
		[]string{
			"Docker & Umgebung", "GET /docker/env", "dockerenv", "Meta-Info", "metainf", "json: {\"web\":\"inf/o\"}", "GET /web-info/", "Das Web: INF-Symbole",
		},
	},
	{
		9900111,
		[]string{
			"GET /.editorconfig", "GET /go.mod", "GET /x/.m2/settings.xml", "x/.kshrc", "x=/.wgetrc", "GET /setup.py", "file=.pgadmin/x", "cookie: a=/.sdkman/x",
			`json: {"file":"a/cargo.toml"}`, "/opt/anaconda3/bin",
		},
		[]string{
			"Perl/Ohrringe", "GET /assets/app.bundle/main.js", "GET /go.model", "setup.pyramide", "Salbe.nano/", "user.gradle/x", "GET /produkt/x.pip/", "Größe.m2/Tag", "nodemodules/x", "GET /cargo.tomlx",
		},
	},
	{
		9900120,
		[]string{
			"GET /search?q=%7B%7B7*7%7D%7D", "{{7*'7'}}", "{{ 1337 * 1337 }}", "{{['id']|filter('passthru')|join}}", `{{["id"]|map("system")|join(",")}}`,
			"{{[0]|reduce('system','id')}}", "{{_self.env.registerUndefinedFilterCallback('x')}}", "{{''.__class__.__mro__}}", "{{ config.items() }}", "{{config}}",
			"{{ cycler.__init__.__globals__ }}", "{{request|attr('application')}}", "{% debug %}", "{{constructor.constructor('alert')()}}",
			`#set($s=$class.inspect("java.lang.Boolean").type)`, `<#assign ex=("freemarker.temp"+"late.utility.Execute")?new()>`,
			"#{7*7}", "*{7*7}", "@(7*7)", "<%= 7*7 %>", "<%= foo(1) %>", "{$smarty.version}", "{{ product.class.name }}", "{{app.getClass()}}", "{{app.get('x')}}",
			`json: {"template":"{{'a'.toUpperCase()}}"}`, "cookie: name={{7*7}}",
			"{{7+7}}", "{{{'id':1}|map('passthru')}}", `{{request["application"]}}`, "x-shop: {{7*7}}", "x-shop: ${env:HOME}", "{'id'|system}", "{$s=$smarty.template_object}", "{7*7}",
			"$e.getClass()", "#foreach($i in $x)", "#macro(x)#end", "%{7*7}", `<@"x"?interpret />`, "#{`id`}", "@(1+2)", `{{ .System "ls" }}`, "{{<%[%'\"}}%\\", "{{app.request.server.all}}",
		},
		[]string{
			"Hallo {{ order.orderCustomer.firstName }}, Ihre Bestellung {{ order.orderNumber }} ist da.", "{{ customer.firstName }}", "{{ 'account.hello'|trans }}",
			"{{ product.price|currency }}", "{{ lineItem.totalPrice|currency(currencyIsoCode, decimals=2) }}", "{{ order.orderDateTime|format_datetime('medium', 'short', locale='de-DE') }}",
			"{% for lineItem in order.lineItems %}{{ lineItem.label|striptags }}{% endfor %}",
			"{% set currency = order.currency.isoCode %}", "{% if order.price > 7 %}ab 7 €{% endif %}", "{{ url('frontend.home.page') }}", "{{ price * 1.19 }}",
			`{{config path="general/store_information/phone"}}`, `{{widget type="Magento\Cms\Block\Widget\Block" template="widget/static_block/default.phtml" block_id="5"}}`,
			`{{media url="wysiwyg/salbe.jpg"}}`, "utm_campaign={{campaign.name}}&utm_content={{ad.id}}", "{{ items|map(i => i.name)|join(', ') }}", "{{ names|sort|join(', ') }}",
			"{{var order.getIncrementId()}}", `{{trans "Danke. Bitte (nochmal), %name" name=$order.customer_name}}`, `{{layout handle="sales_email_order_items" order=$order}}`,
			`{{block class='Magento\Framework\View\Element\Template' template='Magento_Sales::email/order.phtml'}}`,
			"*{box-sizing:border-box;margin:0 -5px}", "[{ $oView->title }]", "Bestellung #12 (eilig)", "{l s='Konto'}", "5 <% 7 und 3 %> 2", "{{ kein Ende (x)", "@(2-3 Tage)", "{$product.name}",
			"{foreach $items as $i}", "{{#if bestellung}}{{nummer}}{{/if}}", "Maße 7*7 cm, {7 x 7}", "{{template config_path=\"a/b\"}}", "x-shop: {klammer}", "{$i.name|escape}", "mail@system.io", "#Gesundheit #if you #macro(s)",
		},
	},
	{
		9900130,
		[]string{
			`\lsof`, `\env`, `\id `, `\lsblk`, `'c'url attacker.example`, `"w"get attacker.example`, `who''ami`, `json: {"host":"'c'url attacker.example"}`, "cookie: h=\\lsof",
			`;\id`, `8.8.8.8;\id`, `;'c'url attacker.example`, `|wh''oami`, `x;c'u'rl a.example`,
		},
		[]string{
			`"Perl" Ohrringe`, "Rock'n'Roll CD", `\\server\freigabe`, `Magento\SalesRule\Model\Rule`, `\Shopware\Core\Framework`, "'Cat' Futter", "L'Oreal Curl Cream", "d'eau de toilette",
			`D:\env\bin`, "id", `"id"`, "'n Stück Seife", `5" Bildschirm`,
			"Musik; Rock'n'Roll find ich gut", `C:\a;\\server\x`, "Haus 7; 'Kater' allein",
		},
	},
	{
		9900131,
		[]string{
			`;$a cat x.txt`, `x; $a cat x`, `|$x id`, `&$x ls`, `x|$a $b curl x`, "x\n$a tac x", `json: {"a":"x;$a ls"}`, "cookie: a=1|$a id", `;$@ cat x`,
			`;$a $b cat x`, `;$0 -c whoami`, `;if true; then lspci; fi`, `;a=c;b=at;$a$b x`, `;$'cat' x`, `whoa$@mi`, `;/bin/c?t x`, `;cat<x`,
			"`id`", `'cscli' alerts list`, `;'curl' http://a.example`, `;id`, `8.8.8.8;id`, `;. ./x.sh`, `;date -f x`, `;vim x`, `8.8.8.8;date x`, `|id x`,
		},
		[]string{
			"US $ 5; $a", "5 $; Katze", "$a cat", "100 $ | 5 €", "A & $ B", `json: {"price":"$5"}`, "query($a:Int)", "Cat; Futter $", "x;$5 cat",
			`"Curl" Shampoo; "Sleep" Tee`, `"Perl" Ohrringe`, "the `id` field", "pzn;name;id", "name|id", "if; then", "Preis; $5", "do done while", "| Zeit | Sort |", "Lindenweg 7; touch", "Version 1.2.3.4, file: x", "a=5; $b fehlt", "; file fehlt im Anhang", "a<b; c<d",
		},
	},
	{
		9900140,
		[]string{
			`json: {"password":{"$type":"string"}}`, `json: {"password":{"$type":2}}`, `json: {"a":{"$type":"object"}}`, `json: {"a":{"$type":"array"}}`, `json: {"a":{"$type":"number"}}`,
			`json: {"a":{"$type":-1}}`, `json: {"a":{"$type":"bool"}}`, `json: {"a":{"$type":"int"}}`, "form: a.$type=string",
		},
		[]string{
			`json: {"$type":"Shop.Contracts.Order, Shop.Contracts"}`, `json: {"a":{"$type":"System.String, mscorlib"}}`, `json: {"type":"string"}`, `json: {"$types":"string"}`,
			`json: {"a":{"$typed":2}}`, `json: {"a":{"$type":"Collection"}}`, `json: {"a":{"@type":"string"}}`, `json: {"a":{"$type":""}}`,
		},
	},
	{
		9900141,
		[]string{
			"id`OR 1=1", "name`and 2>1", "`OR NULL -- ", "`OR(1)#", "`||1-- ", "id` OR `id` = `id`", "a` and b regexp 5", "x`or 2=2", "x`OR(1)=1", "name`or a=a", "x`or`a`=`a", "x`and 1<2", "json: {\"order\":\"name`OR 1=1\"}",
		},
		[]string{
			"`Aspirin` oder `Ibuprofen`", "`a` or `b` is fine", "Größe `M` and `L`: 12 €", "``", "l`eau de parfum", "code `x`", "5` und 6`", "the `name` and the rest", "`or`",
		},
	},
	{
		9900142,
		[]string{
			"s/**/e/**/l/**/ect", "w/**/a/**/i/**/tfor", "a/**/b/**/c/**/d", "mO/**/z/**/iLL/**/a", "json: {\"a\":\"s/**/l/**/e/**/ep\"}", "cookie: a=s/**/l/**/e/**/ep", "referer: s/**/l/**/e/**/ep", "form: s/**/l/**/e/**/ep=1",
		},
		[]string{
			"a/**/b", "/* Salbe */", "a/**/ /**/ b", "x /**/ y", "5/**/6/**/7/**/8", "body{/**/color:red/**/}", "Sterne **/**", "a/*b*/c/*d*/e",
		},
	},
	{
		9900150,
		[]string{
			"gopher://169.254.169.254/", "//169.254.169.254/latest", "//2852039166/", "https://0xa9fea9fe/", "https://0xA9.254.0251.254/", "https://0251.0376.0251.0376/x", "ftp://169.254.43518/",
			"https://169.16689662/", "https://user@169.254.170.2/v2", "//425.510.425.510/", "https://a.169.254.169.254.nip.io/", "https://169-254-169-254.sslip.io/",
			"//metadata.google.internal/computeMetadata", "https://metadata.google.internal", "169.254.169.254", "https://1684301000/", "//100.100.100.200/latest", "https://①⑥⑨.254.169.254/",
			`json: {"url":"dict://169.254.169.254:80/"}`, "url=//025177524776/",
			"https:169.254.169.254/", "GET /proxy/169.254.169.254/x", "referer: https://169.254.169.254/", "https://１６９.254.169.254/", "https://make-169.254.169.254-rebind.1u.ms/",
			"https://kubernetes.default.svc/", "https://3221225664/",
		},
		[]string{
			"https://shop.example/kasse", "//cdn.shop.example/x.js", "https://192.0.2.11/", "169,25", "1692541692", "2852039166", "0xa9", "https://metadata.shop.example/", "Metadata. Google it",
			"https://www.idealo.de/preis/254.169", `C:\Rezepte\169`, "169.254", "https://shop.example/2852039166/", "GET //media/169.254.jpg",
		},
	},
	{
		9900160,
		[]string{
			`json: {"file_info":{"base64_encoded_data":"R0lGODlhOzw","type":"image/gif","name":"x.php"}}`, `json: {"data":"R0lGODlhOzw/","name":"x.phtml"}`,
			`json: {"base64":"abc","filename":"x.phar"}`, `json: {"base64":"abc","fileName":"x.jsp"}`, `json: {"base64":"abc","file_name":"x.php5"}`, `json: {"base64":"abc","a":{"name":"x.php.jpg"}}`,
			`json: {"content":"PD9waHAgcGhwaW5mbygpOw","name":"x.pht"}`, `json: {"base64":"abc","name":"x.cgi"}`, `json: {"base64":"abc","name":"x.aspx "}`, `json: {"base64":"abc","name":"x.shtml"}`,
		},
		[]string{
			`json: {"name":"x.php"}`, `json: {"base64_encoded_data":"R0lGODlh","name":"bild.gif"}`, `json: {"base64":"x","name":"Philips PHP 3.5"}`, `json: {"base64":"x","template":"index.php"}`,
			`json: {"base64":"x","name":"Anleitung.pdf"}`, `json: {"base64":"x","first_name":"Jörg"}`, "form: name=index.php&token=abc", `json: {"base64":"x","name":"Dr. Shah"}`, `json: {"image":"/9j/4AAQ","filename":"rezept.phpx.jpg"}`,
		},
	},
	{
		9900162,
		[]string{
			"GET /media/custom_options/quote/x/y/x.php", "GET /pub/media/a.phtml", "GET /wp-content/uploads/2026/x.php?c=id", "GET /media/x.php/y.jpg", "GET /media/x.ph%70", "GET /out/pictures/x.phar",
			"GET /media/x.jsp", "GET /MEDIA/x.PHP5", "GET /thumbnail/x.php;a", "GET //media//x.pht",
		},
		[]string{
			"GET /media/x.jpg", "GET /media/php.png", "GET /index.php/media/x.jpg", "GET /media/x.php.jpg", "GET /mediathek/index.php", "GET /wp-content/plugins/x.php", "GET /media/a.pdf?x=y.php", "GET /thumbnail/phpmyadmin",
		},
	},
	{
		9900163,
		[]string{
			"file: x.aspx", "file: x.shtml", "file: x.cgi", "file: x.pl", "file: x.php%00.jpg", "file: x.py", "file: x.ashx", "file: x.aspx. .",
		},
		[]string{
			"file: rezept.jpg", "file: Sp.z.o.o.pdf", "file: php.jpg", "file: x.php.jpg", "file: Dr. Shah.pdf", "file: asp.net.pdf", "file: plan.pla", "file: bild.pyramide.png", "file: a.cgi.zip",
		},
	},
	{
		9900164,
		[]string{
			"xml: <r><fileInfo><base64EncodedData>R0lG</base64EncodedData><name>x.php</name></fileInfo></r>", "xml: <r><fileInfo><base64EncodedData>R0lG</base64EncodedData><name>x.phtml</name></fileInfo></r>", "xml: <r><fileInfo><base64EncodedData>R0lG</base64EncodedData><name>x.phar</name></fileInfo></r>", "xml: <r><fileInfo><base64EncodedData>R0lG</base64EncodedData><name>x.jsp</name></fileInfo></r>", "xml: <r><fileInfo><base64EncodedData>R0lG</base64EncodedData><name>x.PHP5</name></fileInfo></r>", "xml: <r><fileInfo><base64EncodedData>R0lG</base64EncodedData><name>x.aspx</name></fileInfo></r>", "xml: <r><fileInfo><base64EncodedData>R0lG</base64EncodedData><name>x.php .</name></fileInfo></r>", "xml: <r><file_info>x<name>x.pht</name></file_info></r>",
		},
		[]string{
			"xml: <r><fileInfo><base64EncodedData>R0lG</base64EncodedData><name>x.gif</name></fileInfo></r>", "xml: <r><fileInfo><base64EncodedData>R0lG</base64EncodedData><name>php</name></fileInfo></r>", "xml: <r><fileInfo><base64EncodedData>R0lG</base64EncodedData><name>x.php.jpg</name></fileInfo></r>", "xml: <r><fileInfo><base64EncodedData>R0lG</base64EncodedData><name>Philips PHP 3.5</name></fileInfo></r>", "xml: <r><fileInfo><base64EncodedData>R0lG</base64EncodedData><name>https://x.example/a.php</name></fileInfo></r>", "xml: <r><name>x.php</name></r>", "xml: <r><template>index.phtml</template></r>", "form: name=x.php&base64=a",
		},
	},
	{
		9900171,
		[]string{
			"agent: Ghauri/1.3", "agent: whatwaf/2.0", "agent: SSTIMap", "agent: jSQL Injection", "agent: TInjA", "agent: Mozilla/4.0 (Hydra)", "agent: graphw00f", "agent: wpprobe", "agent: shortscan",
		},
		[]string{
			"agent: Mozilla/5.0 (Windows NT 10.0)", "agent: Hydra Creme", "agent: MySQL", "agent: Tinjas", "agent: PanopticApp", "agent: shop/1.0", "agent: graphql-client", "agent: Ninja",
		},
	},
	{
		9900161,
		[]string{
			`json: {"address":{"totalsReader":{"sourceData":{"data":"http://a.example/x.xml","dataIsURL":true}}}}`, `json: {"a":{"dataIsURL":1}}`, `json: {"a":{"data_is_url":1}}`,
			`json: {"a":{"sourceData":{"data":"x","options":16}}}`, `json: {"paymentMethod":{"paymentData":{"context":{"urlBuilder":{"session":{"sessionConfig":{"savePath":"media/x"}}}}}}}`,
			`json: {"a":{"session":{"savePath":"media/x"}}}`, `json: {"a":{"session_config":{"name":"x"}}}`, "form: a[session][sessionConfig][savePath]=media", "form: a[sourceData][dataIsURL]=1",
		},
		[]string{
			`json: {"source":"data","url":"x"}`, `json: {"session":{"id":"x"}}`, `json: {"savePath":"x"}`, `json: {"sourceData":{"data":"x"}}`, `json: {"options":{"sourceData":"x"}}`,
			`json: {"sessionId":"x","path":"/kasse"}`, `json: {"dataUrl":"x"}`, "form: session[note]=save the path", `json: {"isUrl":true}`,
		},
	},
	{
		9900170,
		[]string{
			"referer: https://x.example/<?= passthru($_GET[0]) ?>", "referer: <?php echo 1;", "x-shop: <?php", "x-shop: <?= 1 ?>", "x-shop: <? echo 1", "referer: https://x.example/?a=%3C%3Fphp%20echo",
			"referer: https://x.example/<?PHP echo 1", "x-shop: a<?= 1",
		},
		[]string{
			"referer: https://shop.example/?x=<3", "referer: https://shop.example/suche?q=php", "x-shop: <?xml version=\"1.0\"?>", "x-shop: a<b?c", "x-shop: <php>", "x-shop: ?>", "x-shop: php 8.2", "referer: https://shop.example/?a=%3C",
		},
	},
}
