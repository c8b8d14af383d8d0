'use strict';
'require baseclass';
'require umbrella.values as values';

/* Every option of the settings under the words of the pages: help and errors call an
 * option by its title. "allowed" is what the node says of a value that it refuses,
 * "test" reports whether the node takes a value. Functions, as words are translated
 * when they are asked for. */

const fileAllowed = () => _('the path of a file that is there');
const roomAllowed = () => _('1 to 64 letters and digits of any script, \'-\', \'_\' and \'.\', the first one not a \'.\'');
const listenAllowed = () => _('HOST:PORT or :PORT, with a port from 1 to 65535 and an IPv6 address in brackets');
const streamAllowed = () => _('rtsp://HOST/PATH or rtsps://HOST/PATH, with USER:PASSWORD@ before the host where needed, a port from 1 to 65535, no blanks, without # and what follows it, and other characters of the password as %XX');

const all = {
	umbrella: {
		enabled: () => ({
			title: _('Enabled'),
			help: _('Run Umbrella on this access point.')
		}),
		access: () => ({
			title: _('Other rooms'),
			help: _('Who may enter a room that the page “Rooms” does not list.')
		}),
		max_rooms: () => ({
			title: _('Rooms at once'),
			help: _('How many rooms may be open at once. 0 means no limit.'),
			allowed: _('a whole number from 0 (no limit) to 10000'),
			test: values.isMaxRooms
		}),
		publish_limit: () => ({
			title: _('Bit rate of a publisher'),
			help: _('How many kbit/s each person or program may send. 0 means no limit.'),
			allowed: _('a whole number from 0 (no limit) to 1000000'),
			test: values.isPublishLimit
		}),
		admin_password: () => ({
			title: _('Admin password'),
			help: _('What admins log in with. If it is empty, the first start makes a password and writes it to the log.'),
			allowed: _('8 to 128 characters that can be printed, or a hash as `umbrellad hash` prints it'),
			test: values.isAdminPassword
		}),
		listen: () => ({
			title: _('Web address'),
			help: _('TCP address and port of the web server. Without an address before the port, it answers at every address of the access point.'),
			allowed: listenAllowed(),
			test: values.isListen
		}),
		media_port: () => ({
			title: _('Media port'),
			help: _('UDP and TCP port of all audio and video.'),
			allowed: _('a port number from 1 to 65535'),
			test: values.isPort
		}),
		prefix: () => ({
			title: _('Path prefix'),
			help: _('Path below which everything is served.'),
			allowed: _('a path such as /umbrella: at most 128 letters, digits, \'-\', \'_\', \'.\', \'~\' and \'/\', starting with \'/\', without \'.\' or \'..\' as a part'),
			test: values.isPrefix
		}),
		public_address: () => ({
			title: _('Public addresses'),
			help: _('Addresses and names by which people reach the node, beside its own. It answers to no other name.'),
			allowed: _('an IP address or a DNS name, without a port'),
			test: values.isPublicAddress
		}),
		wan: () => ({
			title: _('Open to the WAN'),
			help: _('Have the firewall of the access point let people in from the WAN, too.')
		}),
		zone: () => ({
			title: _('Firewall zones'),
			help: _('Firewall zones of the access point that people may come from. If it is empty, that is lan.'),
			allowed: _('the name of a firewall zone, such as guest: letters, digits, \'_\' and \'-\''),
			test: values.isZone
		}),
		tls: () => ({
			title: _('Certificate from'),
			help: _('Where the certificate for HTTPS comes from.')
		}),
		cert: () => ({
			title: _('Certificate'),
			help: _('PEM file of the certificate and its chain.'),
			allowed: fileAllowed(),
			test: values.isPath
		}),
		key: () => ({
			title: _('Private key'),
			help: _('PEM file of the private key that belongs to the certificate.'),
			allowed: fileAllowed(),
			test: values.isPath
		}),
		acme_domain: () => ({
			title: _('Certified names'),
			help: _('Names that the certificate is for. If there are none, it is for the names in “Public addresses”.'),
			allowed: _('a DNS name such as call.example.org'),
			test: values.isDomain
		}),
		acme_email: () => ({
			title: _('E-mail for the CA'),
			help: _('Where the public CA may write to.'),
			allowed: _('an address such as admin@example.org'),
			test: values.isEmail
		}),
		acme_directory: () => ({
			title: _('Directory of the CA'),
			help: _('Address of the public CA for programs (ACME). If it is empty, the CA is Let\'s Encrypt.'),
			allowed: _('https://HOST/PATH, without user name, query and fragment'),
			test: values.isDirectoryURL
		}),
		acme_http: () => ({
			title: _('Address for proofs'),
			help: _('TCP address, such as :80, where the public CA looks for proofs and people are sent on to HTTPS. If it is empty, the CA looks at “Web address”, which then has to be reached at port 443.'),
			allowed: listenAllowed(),
			test: values.isListen
		}),
		turn: () => ({
			title: _('Relay'),
			help: _('Relay audio and video over the port of the web server (TURN), for people whose firewalls let nothing else through.')
		}),
		turn_url: () => ({
			title: _('Relay addresses'),
			help: _('Where people reach the relay. If there are none, they reach it as they reach the web server.'),
			allowed: _('turns:HOST:PORT or turn:HOST:PORT, with ?transport=tcp behind it or not'),
			test: values.isTURNURL
		}),
		trusted_proxy: () => ({
			title: _('Trusted proxies'),
			help: _('Proxies whose X-Forwarded-For is believed.'),
			allowed: _('an IP address or a network such as 192.168.1.0/24'),
			test: values.isProxy
		}),
		cors_origin: () => ({
			title: _('Web players elsewhere'),
			help: _('Origins of pages elsewhere that may publish and watch by WHIP and WHEP. * means any.'),
			allowed: _('an origin such as https://player.example.org, with a port if it has one, or \'*\''),
			test: values.isOrigin
		}),
		token_key: () => ({
			title: _('Key for invitations'),
			help: _('PEM file of an Ed25519 public key of somebody else who makes invitations. Nobody becomes an admin by it.'),
			allowed: fileAllowed(),
			test: values.isPath
		}),
		state_dir: () => ({
			title: _('State directory'),
			help: _('Directory of what the node itself writes, such as its CA.'),
			allowed: _('the path of a directory'),
			test: values.isPath
		}),
		log_level: () => ({
			title: _('Log level'),
			help: _('The lowest level that is written to the log.')
		})
	},

	room: {
		name: () => ({
			title: _('Name'),
			help: _('Name of the room, as in its address.'),
			allowed: roomAllowed(),
			test: values.isRoomName
		}),
		access: () => ({
			title: _('Who may enter'),
			help: _('If nothing is chosen: people who know the password if there is one, or else people in the local network.')
		}),
		password: () => ({
			title: _('Password'),
			help: _('What people have to know to enter.'),
			allowed: _('1 to 128 characters that can be printed, or a hash as `umbrellad hash` prints it'),
			test: values.isPassword
		}),
		max_participants: () => ({
			title: _('Participants at most'),
			help: _('How many people may be in the room by this node. 0 means no limit.'),
			allowed: _('a whole number from 0 (no limit) to 10000'),
			test: values.isMaxParticipants
		})
	},

	backhaul: {
		enabled: () => ({
			title: _('Enabled'),
			help: _('Keep this trunk.')
		}),
		url: () => ({
			title: _('Address'),
			help: _('Node to dial. If it is empty, this node waits for a trunk that proves the secret.'),
			allowed: _('wss://HOST/PATH/wsb or ws://HOST/PATH/wsb, without user name, query and fragment'),
			test: values.isBackhaulURL
		}),
		secret: () => ({
			title: _('Secret'),
			help: _('What both ends of the trunk know.'),
			allowed: _('16 to 256 characters that can be printed, without blanks'),
			test: values.isSecret
		}),
		fingerprint: () => ({
			title: _('Fingerprint'),
			help: _('SHA-256 of the other node\'s certificate, in place of a CA.'),
			allowed: _('the SHA-256 of a certificate: 64 hexadecimal digits, with or without colons'),
			test: values.isFingerprint
		}),
		ca: () => ({
			title: _('CA'),
			help: _('PEM file of the CA that signed the other node\'s certificate. If it is empty, the CAs of the system count.'),
			allowed: fileAllowed(),
			test: values.isPath
		}),
		room: () => ({
			title: _('Rooms'),
			help: _('Rooms that the trunk joins. If there are none, it joins all rooms.'),
			allowed: roomAllowed(),
			test: values.isRoomName
		})
	},

	camera: {
		enabled: () => ({
			title: _('Enabled'),
			help: _('Use this camera.')
		}),
		name: () => ({
			title: _('Name'),
			help: _('Name that people see.'),
			allowed: _('1 to 64 characters that can be printed'),
			test: values.isShownName
		}),
		room: () => ({
			title: _('Room'),
			help: _('Room that the camera is in.'),
			allowed: roomAllowed(),
			test: values.isRoomName
		}),
		url: () => ({
			title: _('Address'),
			help: _('RTSP address of the main stream. “User” and “Password” have fields of their own.'),
			allowed: streamAllowed(),
			test: values.isCameraURL
		}),
		substream: () => ({
			title: _('Small stream'),
			help: _('RTSP address of the same picture in a smaller size.'),
			allowed: streamAllowed(),
			test: values.isCameraURL
		}),
		onvif: () => ({
			title: _('ONVIF address'),
			help: _('Where the camera\'s ONVIF is, for snapshots, with the same “User” and “Password”. If it is empty, it is looked for at the host of “Address”.'),
			allowed: _('http://HOST or https://HOST, with a port and a path where needed, without user name, query and fragment'),
			test: values.isONVIFURL
		}),
		transport: () => ({
			title: _('Transport'),
			help: _('How audio and video come from the camera.')
		}),
		audio: () => ({
			title: _('Sound'),
			help: _('Take the sound of the camera, too.')
		}),
		on_demand: () => ({
			title: _('On demand'),
			help: _('Connect to the camera only while somebody watches.')
		})
	}
};

/* Returns the words and the test of an option, or null of one that is not there. */
function of(type, name) {
	return Object.hasOwn(all, type) && Object.hasOwn(all[type], name) ? all[type][name]() : null;
}

return baseclass.extend({ of });
