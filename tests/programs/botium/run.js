// Lets Botium hold the conversations in this folder. The bot's server comes as URL, its credentials as APP_ID and API_KEY.
const { BotDriver } = require('botium-core');

const { URL, APP_ID, API_KEY, BOT } = process.env;

// The code is in the mail.
const typeCode = (change) => async ({ meMsg }) => {
  const [mail] = await (await fetch(`${URL}/dev/outbox`)).json();
  meMsg.messageText = change(mail.code);
};
const wrong = (code) => code.slice(0, -1) + (code.endsWith('7') ? '3' : '7');

async function main() {
  const driver = new BotDriver({
    PROJECTNAME: 'botkit-otp',
    CONTAINERMODE: 'koreai-webhook',
    KOREAI_WEBHOOK_URL: `${URL}/chatbot/hooks/${BOT}`,
    KOREAI_WEBHOOK_CLIENTID: APP_ID,
    KOREAI_WEBHOOK_CLIENTSECRET: API_KEY,
    WAITFORBOTTIMEOUT: 10000,
    LOGIC_HOOKS: [
      { ref: 'RIGHT_CODE', src: { onMePrepare: typeCode((code) => code) } },
      { ref: 'WRONG_CODE', src: { onMePrepare: typeCode(wrong) } },
    ],
  });
  const compiler = driver.BuildCompiler();
  compiler.ReadScriptsFromDirectory(__dirname, '**/*.convo.txt');
  if (compiler.convos.length === 0) throw new Error('there are no conversations');
  for (const convo of compiler.convos) {
    const container = await driver.Build();
    await container.Start();
    await convo.Run(container);
    await container.Stop();
    await container.Clean();
    console.log(`held: ${convo.header.name}`);
  }
}

main().then(() => process.exit(0), (error) => {
  console.error(error.message ?? error);
  process.exit(1);
});
