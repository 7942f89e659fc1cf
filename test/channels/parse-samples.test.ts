// Each sample of a webhook as the events that it shows, and Meta's own examples; what is told of each, twice alike.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelName } from '#channels'
import { linesOf, openapiWebhooks, parseBody, samplesOf } from './samples.ts'

const expected: Readonly<Partial<Record<ChannelName, Readonly<Record<string, readonly string[]>>>>> = {
  messenger: {
    'a text': ['message 5501 m_1 text "Grüße & <more> 🙂"'],
    'ids as numbers beyond 2^53': ['message 12345678901234567890 m_2 text "hi"'],
    'a quick reply tapped': ['message 5501 m_3 answer "Blue" =COLOR:BLUE'],
    'a reply to a message': ['message 5501 m_4 text "this one" re m_0'],
    'two pictures': ['message 5501 m_5 media [image image/*][image image/*]'],
    'an audio message': ['message 5501 m_6 media [audio audio/*]'],
    'a file': ['message 5501 m_7 media [file application/octet-stream]'],
    'a sticker': ['message 5501 m_8 media [sticker image/*]'],
    'a shared link': ['message 5501 m_9 text "https://shop.example/x\nA chair"'],
    'a shared link without payload or text': ['message 5501 m_10 text "A chair\nhttps://l.facebook.com/l.php?u=1"'],
    'a place': ['message 5501 m_11 location 52.5,13.4'],
    'a shared product': ['message 5501 m_12 cards [image image/*]'],
    'a shared reel': ['message 5501 m_13 media "A reel" [file application/octet-stream]'],
    'a first message behind an ad': ['message 5501 m_14 text "more?" +7d'],
    'a message of an attachment nobody knows': ['message 5501 m_15 unsupported'],
    'an edit': ['edit 5501 m_1 "Grüße!"'],
    'a reaction': ['reaction 5501 m_1 ❤'],
    'a reaction told by name alone': ['reaction 5501 m_1 😮'],
    'a reaction taken back': ['reaction 5501 m_1 none'],
    'a delivery of two messages': ['receipt 5501 m_20 delivered', 'receipt 5501 m_21 delivered', 'watermark 5501 delivered 1772998030000'],
    'a delivery without mids': ['watermark 5501 delivered 1772998030000'],
    'a read': ['watermark 5501 read 1772998040000'],
    'a postback': ['message 5501 m_30 answer "Talk to us" =HUMAN'],
    'a postback without mid': [
      'message 5501 postback.c57e261a71087b201db4499f4c2cd5cbaea98175864b84c4e5dddad946759164 answer "Get started" =START',
    ],
    'the test button of the dashboard': ['message user_ref:ref-7 m_31 answer "T" =P'],
    'a link opened in a thread': ['referral 5501 SHORTLINK campaign-1'],
    'an opt-in to notifications': ['opt 5501 in News'],
    'notifications stopped': ['opt 5501 out News'],
    'an echo of our own send': ['echo 5501 m_40 text "hello"'],
    'an echo of a person in the inbox of the Page': ['echo 5501 m_41 text "I am a human"'],
    'an echo of another app with buttons': ['echo 5501 m_42 choice "Which?"'],
    'a thread passed to us': ['handover 5501 passed 1517776481860111 from null'],
    'a thread taken by another app': ['handover 5501 taken 263902037430900 from 1517776481860111'],
    'a thread asked for': ['handover 5501 requested 123456789 from null'],
    'a text on standby': ['message 5501 m_50 text "hi" standby'],
    'a block by policy': ["account  error Meta's policy: messaging is blocked. Spam."],
    'account linking, of which we say nothing': ['skipped: account_linking'],
    'a feed change, of which we say nothing': ['skipped: feed'],
    'two pages in one request': ['message 5501 m_60 text "a"', 'message 7701 m_61 text "b"'],
  },
  instagram: {
    'a text': ['message 9901 aWd_1 text "hi"'],
    'a message taken back': ['unsend 9901 aWd_1'],
    'a message that Instagram does not pass on': ['message 9901 aWd_2 unsupported'],
    'a story of theirs that mentions us': ['message 9901 aWd_3 story mention 18 [file application/octet-stream]'],
    'a reply to a story of ours': ['message 9901 aWd_4 story reply 17 "Nice!" [file application/octet-stream]'],
    'a reply to a message': ['message 9901 aWd_5 text "yes" re aWd_0'],
    'a shared post': ['message 9901 aWd_6 media [file application/octet-stream]'],
    'a shared reel': ['message 9901 aWd_7 media "A reel" [file application/octet-stream]'],
    'a picture': ['message 9901 aWd_8 media [image image/*]'],
    'a quick reply tapped': ['message 9901 aWd_9 answer "Blue" =BLUE'],
    'an ice breaker tapped': ['message 9901 aWd_10 answer "Where are you?" =WHERE'],
    'a reaction': ['reaction 9901 aWd_1 ❤️'],
    'a reaction taken back': ['reaction 9901 aWd_1 none'],
    'a message seen': ['receipt 9901 aWd_20 read'],
    'an echo without app id': ['echo 9901 aWd_21 text "from the phone"'],
    'a link opened': ['referral 9901 IGME-SOURCE-LINK r'],
    'a text by Instagram Login': ['message 9901 aWd_22 text "hi"'],
    'a comment, of which we say nothing': ['skipped: comments'],
  },
  whatsapp: {
    'a text of a person known by a business-scoped id and a number': ['message US.134912086553 wamid.2 text "hi"'],
    'a text without any number': ['message US.134912086553 wamid.3 text "hi"'],
    'a text from Brazil': ['message 551155512345 wamid.4 text "oi"'],
    'a document with its name': ['message 16505551234 wamid.1 media "signed" [file application/pdf]'],
    'a voice message': ['message 16505551234 wamid.1 media [audio audio/ogg; codecs=opus]'],
    'a sticker': ['message 16505551234 wamid.1 media [sticker image/webp]'],
    'a forwarded text': ['message 16505551234 wamid.1 text "look"'],
    'a filled form of a flow': ['message 16505551234 wamid.1 answer "Sent" ={"size":"M"} re wamid.0'],
    'a reaction taken back': ['reaction 16505551234 wamid.0 none'],
    'a type that does not exist yet': ['message 16505551234 wamid.1 unsupported'],
    'a number that changed': ['identity 12195555358 was 16505551234'],
    'a business-scoped id that changed': ['identity US.7 was US.134912086553'],
    'sent, with its price': ['receipt 16505551234 wamid.9 sent'],
    'delivered to a business-scoped id': ['receipt US.134912086553 wamid.9 delivered'],
    read: ['receipt 16505551234 wamid.9 read'],
    'failed, because the window is closed': ['receipt 16505551234 wamid.9 failed window_closed 131047'],
    'failed for now': ['receipt 16505551234 wamid.9 failed provider_error 131016'],
    'a status of which we say nothing': ['skipped: status_warming_up'],
    'an echo of the phone’s own app': ['echo 16505551234 wamid.6 text "from the phone"'],
    'marketing stopped': ['opt 16505551234 out marketing_messages'],
    'an error of the whole account': ['account  warning Meta reports error 130429: Rate limit hit'],
    'a template rejected': ['account  warning The template order_shipped (en_US) is now REJECTED.'],
    'a message in a group': ['message 16505551234@Y2FwaV9ncm91cDo wamid.1 text "all"'],
    'calls, of which we say nothing': ['skipped: calls'],
  },
  custom: {
    'a text with the person’s card': ['message u1@t1 x1 text "hi"'],
    files: ['message u1 x2 media "look" [image image/png]'],
    'a place': ['message u1 x3 location 52.5,13.4'],
    'a tap': ['message u1 x4 answer "Yes" =Y'],
    'the platform’s own words': ['message u1 x5 native'],
    'an answer given elsewhere': ['echo u1 x6 text "done"'],
    'every list at once': [
      'identity u2 was u1',
      'profile u2 Ada',
      'edit u2 x1 "hello"',
      'unsend u2 x2',
      'reaction u2 x1 👍',
      'receipt u2 y1 read',
      'watermark u2 delivered 1795168800000',
      'receipt u2 y2 failed blocked',
      'typing u2 true',
    ],
    'one message that lacks its id beside one that does not': ['message u1 x7 text "b"', 'fault: a message without id'],
  },
}

for (const [channel, lines] of Object.entries(expected)) {
  const samples = samplesOf(channel)
  test(`${channel}: no sample without what it shows`, () => assert.deepEqual(Object.keys(samples), Object.keys(lines)))
  for (const [name, { body }] of Object.entries(samples))
    test(`${channel}: ${name}`, () => assert.deepEqual(linesOf(parseBody(channel as ChannelName, body)), lines[name]))
}

/** Provider ids shortened. */
const openapi: Readonly<Record<string, readonly string[]>> = {
  'Text Message': ['message 16505551234 wamid text "Does it come in another color?"'],
  'Text Message with Context (Product Inquiry)': ['message 16505551234 wamid text "Is this still available?" re wamid'],
  'Text Message from Click to WhatsApp Ad': ['message 16505551234 wamid text "Hello! Can I get more info on this?"'],
  'Reaction Message': ['reaction 16505551234 wamid 👍'],
  'Image Message': ['message 16505551234 wamid media "Taj Mahal" [image image/jpeg]'],
  'Location Message': ['message 16505551234 wamid location 37.44221496582,-122.16165924072'],
  'Contact Sharing Message': ['message 16505551234 wamid vcards'],
  'Unsupported Message': ['message 16505551234 wamid unsupported'],
  'Button Message': ['message 16505551234 wamid answer "Unsubscribe" =Unsubscribe re wamid'],
  'Interactive List Reply Message': ['message 16505551234 wamid answer "Priority Mail Express" =priority_express re wamid'],
  'Interactive Button Reply Message': ['message 16505551234 wamid answer "Cancel" =cancel-button re wamid'],
  'Order Message': ['message 16505551234 wamid order'],
  'System Message': ['identity 12195555358 was 16505551234'],
  'Group Create Message': ['skipped: group_lifecycle_update'],
  'Group Settings Update': ['skipped: group_settings_update'],
  'Group Remove Participants': ['skipped: group_participants_update'],
}

const withoutIds = (line: string): string => line.replaceAll(/wamid\.[A-Za-z0-9+/=]+/g, 'wamid')

for (const [name, body] of Object.entries(openapiWebhooks()))
  test(`Meta's example: ${name}`, () => assert.deepEqual(linesOf(parseBody('whatsapp', body)).map(withoutIds), openapi[name]))
