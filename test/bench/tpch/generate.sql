-- SPDX-License-Identifier: PostgreSQL
-- Rows by the distributions of the specification's clause 4.2.3, at the scale factor :scale.  What the specification draws
-- at random follows here from the row's key and the number of the draw, so that the same scale gives the same rows.
CREATE SCHEMA draws;
CREATE FUNCTION draws.pick(key bigint, draw int, low int, high int) RETURNS int LANGUAGE sql IMMUTABLE
  AS $$ SELECT low + ((hashint8extended(key, draw) & 9007199254740991) % (high - low + 1))::int $$;
CREATE FUNCTION draws.one_of(key bigint, draw int, words text[]) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT words[1 + ((hashint8extended(key, draw) & 9007199254740991) % cardinality(words))::int] $$;
CREATE FUNCTION draws.phone(key bigint, nation int) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT (10 + nation) || '-' || draws.pick(key, 11, 100, 999) || '-' || draws.pick(key, 12, 100, 999) || '-' ||
               draws.pick(key, 13, 1000, 9999) $$;

-- Clause 4.2.2.14's text: pieces of sentences, from which comments are cut.
CREATE TABLE draws.sentences AS
SELECT id, string_agg(sentence, ' ' ORDER BY part) AS words
FROM (SELECT id, part, concat_ws(' ',
        draws.one_of(10 * id + part, 1, '{furious,sly,careful,blithe,quick,fluffy,slow,quiet,ruthless,thin,close,dogged,daring,
          brave,stealthy,permanent,enticing,idle,busy,regular,final,ironic,even,bold,silent,special,pending,unusual,express}'),
        draws.one_of(10 * id + part, 2, '{foxes,ideas,theodolites,pinto beans,instructions,dependencies,excuses,platelets,
          asymptotes,courts,dolphins,multipliers,warthogs,frets,attainments,patterns,forges,braids,pearls,waters,orbits,gifts,
          depths,sentiments,decoys,realms,pains,escapades,packages,requests,accounts,deposits}'),
        draws.one_of(10 * id + part, 3, '{sleep,wake,are,cajole,haggle,nag,use,boost,affix,detect,integrate,maintain,nod,was,
          lose,sublate,solve,thrash,promise,engage,hinder,print,doze,run,dazzle,snooze,doubt,unwind,kindle,play,hang,believe}'),
        draws.one_of(10 * id + part, 4, '{sometimes,always,never,furiously,slyly,carefully,blithely,quickly,fluffily,slowly,
          quietly,ruthlessly,thinly,closely,doggedly,daringly,bravely,stealthily,permanently,enticingly,idly,busily}')
        || draws.one_of(10 * id + part, 5, '{.,;,:,?,!,--}')) AS sentence
      FROM generate_series(0, 4095) id, generate_series(0, 8) part) pieces
GROUP BY id;
CREATE FUNCTION draws.cut(words text, key bigint, shortest int, longest int) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT substr(words, draws.pick(key, 22, 1, 40), draws.pick(key, 23, shortest, longest)) $$;

INSERT INTO region
SELECT key - 1, name, draws.cut(words, key, 31, 115)
FROM unnest('{AFRICA,AMERICA,ASIA,EUROPE,MIDDLE EAST}'::text[]) WITH ORDINALITY regions(name, key)
JOIN draws.sentences ON id = key;

INSERT INTO nation
SELECT key - 1, name, region, draws.cut(words, key, 31, 114)
FROM ROWS FROM (
  unnest('{ALGERIA,ARGENTINA,BRAZIL,CANADA,EGYPT,ETHIOPIA,FRANCE,GERMANY,INDIA,INDONESIA,IRAN,IRAQ,JAPAN,JORDAN,KENYA,MOROCCO,
    MOZAMBIQUE,PERU,CHINA,ROMANIA,SAUDI ARABIA,VIETNAM,RUSSIA,UNITED KINGDOM,UNITED STATES}'::text[]),
  unnest('{0,1,1,1,4,0,3,3,2,2,4,4,2,4,0,0,0,1,2,3,4,2,3,3,1}'::int[])) WITH ORDINALITY nations(name, region, key)
JOIN draws.sentences ON id = key;

-- Five of ten thousand suppliers have complaints, five recommendations.
INSERT INTO supplier
SELECT key, 'Supplier#' || lpad(key::text, 9, '0'), left(md5(key::text) || md5((key + 7)::text), draws.pick(key, 31, 10, 40)),
       nation, draws.phone(key, nation), draws.pick(key, 32, -99999, 999999) / 100.0,
       CASE key % 2000 WHEN 13 THEN left(words, 20) || 'Customer ' || substr(words, 21, 15) || 'Complaints'
                       WHEN 17 THEN left(words, 20) || 'Customer ' || substr(words, 21, 15) || 'Recommends'
                       ELSE draws.cut(words, key, 25, 100) END
FROM generate_series(1, (:scale * 10000)::int) key
JOIN draws.sentences ON id = draws.pick(key, 21, 0, 4095), draws.pick(key, 33, 0, 24) nation;

INSERT INTO part
SELECT key,
       (SELECT string_agg(colour, ' ') FROM (
          SELECT colour FROM unnest('{almond,antique,aquamarine,azure,beige,bisque,black,blanched,blue,blush,brown,burlywood,
            burnished,chartreuse,chiffon,chocolate,coral,cornflower,cornsilk,cream,cyan,dark,deep,dim,dodger,drab,firebrick,
            floral,forest,frosted,gainsboro,ghost,goldenrod,green,grey,honeydew,hot,indian,ivory,khaki,lace,lavender,lawn,
            lemon,light,lime,linen,magenta,maroon,medium,metallic,midnight,mint,misty,moccasin,navajo,navy,olive,orange,
            orchid,pale,papaya,peach,peru,pink,plum,powder,puff,purple,red,rose,rosy,royal,saddle,salmon,sandy,seashell,
            sienna,sky,slate,smoke,snow,spring,steel,tan,thistle,tomato,turquoise,violet,wheat,white,yellow}'::text[]) colour
          ORDER BY hashint8extended(key, hashtext(colour)) LIMIT 5) colours),
       'Manufacturer#' || maker, 'Brand#' || maker || draws.pick(key, 42, 1, 5),
       draws.one_of(key, 43, '{STANDARD,SMALL,MEDIUM,LARGE,ECONOMY,PROMO}') || ' ' ||
       draws.one_of(key, 44, '{ANODIZED,BURNISHED,PLATED,POLISHED,BRUSHED}') || ' ' ||
       draws.one_of(key, 45, '{TIN,NICKEL,BRASS,STEEL,COPPER}'),
       draws.pick(key, 46, 1, 50),
       draws.one_of(key, 47, '{SM,LG,MED,JUMBO,WRAP}') || ' ' ||
       draws.one_of(key, 48, '{CASE,BOX,BAG,JAR,PKG,PACK,CAN,DRUM}'),
       (90000 + key / 10 % 20001 + 100 * (key % 1000)) / 100.0, draws.cut(words, key, 5, 22)
FROM generate_series(1, (:scale * 200000)::int) key
JOIN draws.sentences ON id = draws.pick(key, 21, 0, 4095), draws.pick(key, 41, 1, 5) maker;

-- Which of a part's four suppliers: clause 4.2.3's formula, for lineitem, too.
CREATE FUNCTION draws.supplier_of(part int, number int, suppliers int) RETURNS int LANGUAGE sql IMMUTABLE
  AS $$ SELECT (part + number * (suppliers / 4 + (part - 1) / suppliers)) % suppliers + 1 $$;

INSERT INTO partsupp
SELECT part, draws.supplier_of(part, number, (:scale * 10000)::int), draws.pick(key, 51, 1, 9999),
       draws.pick(key, 52, 100, 100000) / 100.0, draws.cut(words, key, 49, 198)
FROM generate_series(1, (:scale * 200000)::int) part, generate_series(0, 3) number, LATERAL (SELECT 4 * part + number) keys(key), draws.sentences
WHERE id = draws.pick(key, 21, 0, 4095);

INSERT INTO customer
SELECT key, 'Customer#' || lpad(key::text, 9, '0'), left(md5(key::text) || md5((key + 7)::text), draws.pick(key, 61, 10, 40)),
       nation, draws.phone(key, nation), draws.pick(key, 62, -99999, 999999) / 100.0,
       draws.one_of(key, 63, '{AUTOMOBILE,BUILDING,FURNITURE,MACHINERY,HOUSEHOLD}'), draws.cut(words, key, 29, 116)
FROM generate_series(1, (:scale * 150000)::int) key
JOIN draws.sentences ON id = draws.pick(key, 21, 0, 4095), draws.pick(key, 64, 0, 24) nation;

-- One to seven lines an order; eight of 32 keys are used; the day that counts as today is 1995-06-17.
INSERT INTO lineitem
SELECT orderkey, part, draws.supplier_of(part, draws.pick(key, 72, 0, 3), (:scale * 10000)::int), line, quantity,
       quantity * (90000 + part / 10 % 20001 + 100 * (part % 1000)) / 100.0, draws.pick(key, 74, 0, 10) / 100.0,
       draws.pick(key, 75, 0, 8) / 100.0,
       CASE WHEN received <= '1995-06-17' THEN draws.one_of(key, 76, '{R,A}') ELSE 'N' END,
       CASE WHEN shipped > '1995-06-17' THEN 'O' ELSE 'F' END, shipped, ordered + draws.pick(key, 78, 30, 90), received,
       draws.one_of(key, 80, '{DELIVER IN PERSON,COLLECT COD,NONE,TAKE BACK RETURN}'),
       draws.one_of(key, 81, '{REG AIR,AIR,RAIL,SHIP,TRUCK,MAIL,FOB}'), draws.cut(words, key, 10, 43)
FROM generate_series(0, (:scale * 1500000)::int - 1) number,
     LATERAL (SELECT number / 8 * 32 + number % 8 + 1, date '1992-01-01' + draws.pick(number, 91, 0, 2405)) o(orderkey, ordered),
     LATERAL generate_series(1, draws.pick(number, 92, 1, 7)) line, LATERAL (SELECT 8 * number::bigint + line) keys(key),
     LATERAL (SELECT draws.pick(key, 71, 1, (:scale * 200000)::int), draws.pick(key, 73, 1, 50)) p(part, quantity),
     LATERAL (SELECT ordered + draws.pick(key, 77, 1, 121)) s(shipped),
     LATERAL (SELECT shipped + draws.pick(key, 79, 1, 30)) r(received), draws.sentences
WHERE id = draws.pick(key, 21, 0, 4095);

-- A third of the customers, those with keys divisible by three, order nothing.
INSERT INTO orders
SELECT orderkey, 3 * ((customer - 1) / 2) + 1 + (customer - 1) % 2,
       CASE WHEN finished THEN 'F' WHEN open THEN 'O' ELSE 'P' END, total, ordered,
       draws.one_of(number, 94, '{1-URGENT,2-HIGH,3-MEDIUM,4-NOT SPECIFIED,5-LOW}'),
       'Clerk#' || lpad(draws.pick(number, 95, 1, greatest((:scale * 1000)::int, 1))::text, 9, '0'), 0,
       draws.cut(words, number, 19, 78)
FROM generate_series(0, (:scale * 1500000)::int - 1) number,
     LATERAL (SELECT number / 8 * 32 + number % 8 + 1, date '1992-01-01' + draws.pick(number, 91, 0, 2405)) o(orderkey, ordered),
     LATERAL (SELECT draws.pick(number, 93, 1, (:scale * 100000)::int)) c(customer), draws.sentences,
     (SELECT l_orderkey, bool_and(l_linestatus = 'F') AS finished, bool_and(l_linestatus = 'O') AS open,
             sum(round(l_extendedprice * (1 + l_tax) * (1 - l_discount), 2)) AS total
      FROM lineitem GROUP BY l_orderkey) lines
WHERE id = draws.pick(number, 21, 0, 4095) AND l_orderkey = orderkey;
DROP SCHEMA draws CASCADE;
